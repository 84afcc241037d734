"""The READMEs: ten lines score real episodes, sync and async, and results are those of the generated report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from assayd import SHARED, needs_assayd, records, running

PACKAGE = Path(__file__).resolve().parents[1]
README = PACKAGE / "README.md"
REPORT = PACKAGE / "examples/team_training/REPORT.md"
RATIO = re.compile(r"\d\.\d\d \[\d\.\d\d, \d\.\d\d\]")


@needs_assayd
@pytest.mark.parametrize("block", [0, 1])
def test_ten_lines_score_real_episodes(block: int, capsys: pytest.CaptureFixture[str]) -> None:
    known = records("dylan_mmlu_3agents")
    code = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)[block]
    assert len([line for line in code.splitlines() if line.strip()]) <= 14
    with running() as server:
        code = code.replace("127.0.0.1:50051", server.target).replace("../shared", str(SHARED))
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(" ")[0] for line in lines) == sorted(r["id"] for r in known)
    assert all("{'agent_1': " in line for line in lines)


def test_the_table_in_the_projects_readme_is_the_reports() -> None:
    readme = (PACKAGE.parents[1] / "README.md").read_text()
    section = readme.split("## Does training with it work?")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if RATIO.search(line) and line.startswith("|")]
    assert len(rows) == 5
    assert set(rows) <= set(REPORT.read_text().splitlines())


@needs_assayd
def test_the_step_that_adapters_share_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [b for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "TeamCredit" in b]
    with running() as server:
        code = code.replace("TeamCredit(evaluator", f"TeamCredit({server.target!r}, evaluator")
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all("'solver': " in line and line.endswith(" None") for line in lines)
