"""The dispatcher of the command line."""

from __future__ import annotations

import sys
import types

import pytest

from assay_rl.__main__ import main


def test_help_goes_to_stdout_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "signals" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["unknown"]])
def test_misuse_goes_to_stderr_and_fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_a_command_gets_the_rest_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    module = types.ModuleType("assay_rl.cli.verify")
    module.main = lambda argv: seen.append(argv) or 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assay_rl.cli.verify", module)
    assert main(["verify", "--episodes", "x"]) == 7
    assert seen == [["--episodes", "x"]]
