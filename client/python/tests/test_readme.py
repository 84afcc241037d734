"""The README's ten lines score real episodes, sync and async."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from assayd import SHARED, needs_assayd, records, running

README = Path(__file__).resolve().parents[1] / "README.md"


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
