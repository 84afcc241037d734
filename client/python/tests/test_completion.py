"""Completion of both command lines, in bash and in zsh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from assayd import command as assay
from terminal import Terminal
from test_command_lines import TWO, both, run

from assay_rl.cli import commands
from assay_rl.convert.names import NAMES

pytestmark = pytest.mark.skipif(assay() is None, reason="the C++ command line is not built")


@pytest.mark.parametrize(
    "words", ["assay si", "assay signals --tls-c", "assay signals --labels=", "assay verify --q", "assay help ver",
              "assay signals --labels d", "assay signals fi", "assay info --options "]
)  # fmt: skip
def test_completion_offers_the_same(words: str) -> None:
    _, cpp, python, _ = both("completion", "candidates", words)
    assert cpp == python


def test_completion_of_what_assay_rl_has_alone() -> None:
    assert "--numbers" in commands.candidates("assay-rl report --nu")
    assert commands.candidates("assay-rl convert --ref") == ["--reference"]
    assert commands.candidates("assay-rl export --wh") == ["--where"]
    assert commands.candidates("assay-rl export --where=sp") == ["spread"]
    assert commands.candidates("assay-rl judge --mode ") == ["step-wise", "all-at-once", "bisecting"]
    assert commands.candidates("assay-rl export --trainer trl step") == ["step-dpo"]
    assert commands.candidates("assay-rl export dpo ") == []


def test_completion_of_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert commands.candidates("assay-rl convert lang") == ["langfuse", "langgraph", "langsmith"]
    assert commands.candidates("assay-rl convert -q -o out lang") == ["langfuse", "langgraph", "langsmith"]
    assert all(name in commands.candidates(f"assay-rl convert {name[0]}") for name in NAMES)
    assert commands.candidates("assay-rl convert ") == [], "a shell offers files"
    (tmp_path / "lang.jsonl").touch()
    assert commands.candidates("assay-rl convert lang")[-1] == "lang.jsonl"
    assert commands.candidates("assay-rl convert langgraph l") == []
    assert commands.candidates("assay-rl convert --output l") == []
    assert "langgraph" in commands.candidates("assay-rl judge --input-format=")


def started_as(program: str, folder: Path) -> dict[str, str]:
    """The environment in which the program's name starts it."""
    starter = folder / program
    call = f"{assay()}" if program == "assay" else f"{sys.executable} -m assay_rl"
    starter.write_text(f'#!/bin/sh\nPYTHONPATH={os.pathsep.join(filter(None, sys.path))} exec {call} "$@"\n')
    starter.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("program", ["assay", "assay-rl"])
def test_the_script_of_a_shell_is_the_same(program: str, shell: str) -> None:
    code, script, _ = run(program, "completion", shell)
    assert code == 0
    assert script.decode() == commands.completion_script(shell, program)


@pytest.mark.parametrize("program", ["assay", "assay-rl"])
def test_completion_in_bash(program: str, tmp_path: Path) -> None:
    typed = f"{program} signals --tls-ce"
    asked = f"{commands.completion_script('bash', program)}\nCOMP_LINE='{typed}' COMP_POINT={len(typed)}\n"
    asked += f"_{program}_complete 2>/dev/null\n"
    asked += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
    environment = started_as(program, tmp_path)
    done = subprocess.run(["bash", "-c", asked], capture_output=True, check=True, env=environment)
    assert done.stdout == b"--tls-certificate=\n"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize("program", ["assay", "assay-rl"])
def test_completion_in_zsh(program: str, tmp_path: Path) -> None:
    """zsh completes in a terminal alone: the keys are typed, and what it makes of the line is read back."""
    (tmp_path / "episodes.jsonl").write_text(TWO)
    environment = {**started_as(program, tmp_path), "TERM": "dumb", "HOME": str(tmp_path)}
    typed = {
        "sig": "nals ",
        "signals --tls-ce": "rtificate=",
        "signals --labels=d": "rop ",
        "signals --labels d": "rop ",
        "help ver": "ify ",
        "verify --episodes=epi": "sodes.jsonl ",
        "signals epi": "sodes.jsonl ",
    }
    if program == "assay-rl":
        typed["convert langg"] = "raph "
    with Terminal(["zsh", "-f", "-i"], environment, tmp_path) as terminal:
        # Both hold their own mark apart, as the terminal shows what is typed.
        terminal.type(
            f"autoload -U compinit; compinit -u; source <({program} completion zsh); print REA''DY\n", "READY"
        )
        for line, rest in typed.items():
            terminal.type(f"{program} {line}\t", rest)
            terminal.type("\x15print DO''NE\n", "DONE")
