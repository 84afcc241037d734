"""The commit of a git clone. It imports nothing of the package, so that the build hook can run it too."""

from __future__ import annotations

import subprocess
from pathlib import Path


def revision(root: Path) -> tuple[str, str]:
    """Commit (12 digits, with a + where a file differs from it) and date (2026-11-30) of the clone at `root`.

    Both are empty where `root` is not the top of a clone, which keeps a package that lies in another project's clone
    from telling that project's commit, and where git is not installed or refuses.
    """

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return ""
        return done.stdout.decode().strip()

    if not (root / ".git").exists():
        return "", ""
    commit = git("rev-parse", "--short=12", "HEAD")
    changed = "+" if commit and git("status", "--porcelain", "--untracked-files=no") else ""
    return commit + changed, git("log", "-1", "--format=%cs")
