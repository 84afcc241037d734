"""The dispatcher of the command line."""

from __future__ import annotations

import re
import sys
import types

import pytest

from assay_rl.__main__ import main
from assay_rl.cli.flags import Arguments


def test_help_goes_to_stdout_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "signals" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["unknown"]])
def test_misuse_goes_to_stderr_and_fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert "assay-rl" in told.err
    assert told.out == ""


def test_a_command_gets_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Arguments] = []
    module = types.ModuleType("assay_rl.cli.verify")
    module.run = lambda arguments: seen.append(arguments) or 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assay_rl.cli.verify", module)
    assert main(["verify", "--episodes", "x", "y"]) == 7
    assert (seen[0].text("episodes"), seen[0].names) == ("x", ("y",))


def test_the_version_names_the_commit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"assay-rl \d+\.\d+\.\d+( \([0-9a-f]{12}\+?, \d{4}-\d\d-\d\d\))?\n", capsys.readouterr().out)
