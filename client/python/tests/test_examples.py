"""The examples of evaluators, each as its own process, behind assayd."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import HANGS, REPOSITORY, SHARED, Assayd, needs_assayd, records, running

import assay_rl
from assay_rl import Episode, Message, Scored
from assay_rl.convert import from_record

pytestmark = needs_assayd

EXAMPLES = REPOSITORY / "client" / "python" / "examples" / "evaluators"
HUMANEVAL = "dylan_humaneval_gpt_35_turbo_0301"


@contextlib.contextmanager
def served(name: str, tmp_path: Path, script: str, *arguments: str) -> Iterator[Assayd]:
    """assayd with the example as its evaluator `name`."""
    example = subprocess.Popen([sys.executable, str(EXAMPLES / script), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert example.stdout is not None
        line = example.stdout.readline()
        assert line.startswith("listening on "), line
        endpoint = f"127.0.0.1:{int(line.split()[-1])}"
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"evaluators": [{"name": name, "remote": {"endpoints": [endpoint]}}]}))
        with running(f"--config={config}") as server:
            yield server
    finally:
        example.terminate()
        assert example.wait(HANGS) in (0, -15)


def test_humaneval_replay_gives_the_shapley_values_of_the_log(tmp_path: Path) -> None:
    known = {r["id"]: r["extra"]["shapley"] for r in records(HUMANEVAL)}
    log = str(SHARED / "data" / f"{HUMANEVAL}.jsonl.gz")
    asked = [from_record(record) for record in records(HUMANEVAL)]
    with (
        served("humaneval", tmp_path, "humaneval_evaluator.py", log, "127.0.0.1:0") as server,
        assay_rl.Client(server.target) as client,
    ):
        for outcome in client.score(asked, options={"named": {"name": "humaneval"}}):
            assert isinstance(outcome, Scored), outcome
            shapley = known.pop(outcome.episode_id)
            for agent in outcome.signals.agents:
                assert agent.credit == pytest.approx(shapley[agent.agent_id], abs=1e-8)
            assert all(agent.std_error == 0 for agent in outcome.signals.agents)
    assert not known


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_simulated_environment_shares_its_probability(tmp_path: Path, noise: float) -> None:
    team = Episode("e", [Message(name, "tries") for name in "abcd"], score=1.0)
    options = {"named": {"name": "simulated"}, "estimator": {"samplesPerQuestion": 64 if noise else 1}}
    arguments = ("127.0.0.1:0", "0.002", str(noise))
    with (
        served("simulated", tmp_path, "simulated_environment.py", *arguments) as server,
        assay_rl.Client(server.target) as client,
    ):
        (outcome,) = client.score([team], options=options)
    assert isinstance(outcome, Scored), outcome
    agents = outcome.signals.agents
    # Together they fail with 1/2 * 2/3 * 3/4 * 4/5.
    assert sum(a.credit for a in agents) == pytest.approx(0.8, abs=1e-9 if noise == 0 else 0.1)
    assert [a.credit for a in agents] == sorted((a.credit for a in agents), reverse=True)
    for agent in agents:
        assert (agent.std_error > 0) == (noise > 0)
        assert math.isfinite(agent.std_error)
        assert agent.std_error < 0.02
