"""The summary of a step, as `assay` and `assay-rl` write it: two implementations, step_summary.cc and summary.py."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from assayd import command as assay
from near import assert_near
from test_command_lines import run

pytestmark = [needs_assayd, pytest.mark.skipif(assay() is None, reason="the C++ command line is not built")]


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


@pytest.mark.parametrize("options", [{"vote": {}}, {"outcome": {}}], ids=["credit", "share"])
def test_the_summary_of_a_step_is_the_same(server: Assayd, tmp_path: Path, options: dict[str, Any]) -> None:
    luck = random.Random(9)
    text = ""
    for number in range(24):
        answers = [luck.choice("AB") for _ in range(6)]
        messages = [{"agentId": f"agent{k % 3}", "content": f"{number} {k} {a}", "answer": a, "round": 1 + k // 3}
                    for k, a in enumerate(answers)]  # fmt: skip
        agents = [{"id": f"agent{k}", **({"role": f"role{k % 2}"} if k else {})} for k in range(3)]
        task = {"prompt": f"Which, {number // 4}?", "referenceAnswer": "A"}
        group = {"group": {"id": f"g{number // 4}", "size": 4}} if number < 16 else {}
        score = {} if number == 3 else {"outcome": {"score": float(luck.random() < 0.5)}}
        text += json.dumps({"id": f"e{number}", "agents": agents, "messages": messages, "task": task, **group, **score})
        text += "\n"
    (tmp_path / "episodes").write_text(text)
    (tmp_path / "options").write_text(json.dumps(options))
    told = []
    for program in ("assay", "assay-rl"):
        file = tmp_path / program / "step-7.json"
        run(program, "signals", f"--server={server.target}", "--options=options", f"--summary={file}", "episodes",
            "--output=out", cwd=tmp_path)  # fmt: skip
        told.append(json.loads(file.read_text()))
        for line_of_many in ("synergy", "budget"):
            told[-1][line_of_many].sort()
    cpp, python = told
    assert python["step"] == 7
    assert python["episodes"] == 24
    assert python["groups"] == 4
    assert list(cpp) == list(python)
    assert_near(cpp, python, "")
    assert run("assay", "signals", f"--server={server.target}", "--summary=step-7", "--step=9", "episodes",
               "--output=out", cwd=tmp_path)[0] in (0, 1)  # fmt: skip
    assert json.loads((tmp_path / "step-7").read_text())["step"] == 9
