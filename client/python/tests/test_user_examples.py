"""The examples that a user copies run as they are printed, with a private server each."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from assayd import HANGS, REPOSITORY, binary, needs_assayd

pytestmark = needs_assayd

EXAMPLES = REPOSITORY / "client" / "python" / "examples"


@pytest.fixture(autouse=True)
def _assayd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAYD", str(binary()))


def printed(script: str) -> str:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script)], capture_output=True, text=True, check=True, timeout=HANGS
    ).stdout


def advantages(output: str) -> list[float]:
    return [float(number) for number in re.findall(r"advantage ([+-]\d+\.\d+)", output)]


def test_debate_pays_who_was_right_in_a_lost_debate() -> None:
    found = re.findall(r"(right|wrong)  advantage ([+-]\d+\.\d+)", printed("debate.py"))
    assert len(found) == 24
    lost = found[:6] + found[18:]  # the first and the last rollout
    right = [float(number) for kind, number in lost if kind == "right"]
    wrong = [float(number) for kind, number in lost if kind == "wrong"]
    assert sum(right) / len(right) > sum(wrong) / len(wrong)


def test_coding_team_runs_its_tests_again() -> None:
    output = printed("coding_team.py")
    assert re.findall(r"(\d\.\d\d) of the tests pass", output) == ["1.00", "0.25", "0.50", "0.00"]
    assert len(advantages(output)) == 16
    sabotage = [float(credit) for credit in re.findall(r"reviewer +credit ([+-]\d+\.\d+)", output)]
    assert sabotage[2] < 0 <= sabotage[0]


def test_research_team_finds_the_error() -> None:
    assert "first error: message 1," in printed("research_team.py")


def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = json.loads((EXAMPLES / "debate.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = tmp_path / "notebook.py"
    script.write_text("\n".join(cells), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
    subprocess.run([sys.executable, str(script)], check=True, timeout=HANGS, env=environment)
