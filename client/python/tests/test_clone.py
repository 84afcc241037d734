"""What --version tells of a clone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from assay_rl import clone


def _commit(folder: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)

    git("init", "--quiet")
    (folder / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message=First")


@pytest.mark.skipif(shutil.which("git") is None, reason="skipped: git is not installed")
def test_a_clone_tells_its_commit_and_marks_changes(tmp_path: Path) -> None:
    assert clone.revision(tmp_path) == ("", "")
    _commit(tmp_path)
    commit, date = clone.revision(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{12}", commit)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
    (tmp_path / "file").write_text("two")
    assert clone.revision(tmp_path) == (commit + "+", date)
    (tmp_path / "inside").mkdir()
    assert clone.revision(tmp_path / "inside") == ("", "")


def test_a_machine_without_git_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clone.revision(tmp_path) == ("", "")
