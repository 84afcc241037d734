"""Environments that fail by infrastructure: the whole way from a caller's evaluator to two verifiers."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from assayd import command, needs_assayd, running
from google.protobuf import json_format

import assay_rl
from assay_rl import Agent, Client, Episode, Message, Question, Scored
from assay_rl.__main__ import main
from assay_rl.client.evaluators import each

pytestmark = needs_assayd

OPTIONS: dict[str, Any] = {
    "caller": {"supports": ["QUESTION_KIND_PREFIX", "QUESTION_KIND_COALITION"]},
    "audit": "AUDIT_FULL",
    "first_error": {"max_rollouts": 40},
}


def tool_trace(number: int, calls: int = 12) -> Episode:
    """One agent, a tool after each of its messages but the last, and no success."""
    messages = []
    for k in range(calls):
        messages.append(Message("agent", f"call {k} of run {number}: search({number + k})"))
        messages.append(Message("tool", f"result {k}: nothing of {number + k}"))
    agents = [Agent("agent"), Agent("tool", kind="tool")]
    return Episode(f"run-{number}", messages[:-1], agents=agents, score=0.0)


def environment(error_of: Callable[[Episode], int], share: float, failure: type[Exception]) -> assay_rl.Evaluator:
    """Rollouts succeed up to the error's node; the share of them raises. The k-th that is made ends the same however
    many failed before it."""
    draws = random.Random(17)

    def answer(episode: Any, question: Question) -> float:
        if question.kind == "coalition":
            return 0.0
        if draws.random() < share:
            raise failure("the container did not start")
        return 1.0 if question.length <= error_of(episode) else 0.0

    return each(answer)


def scored(episodes: list[Episode], share: float, **first_error: Any) -> dict[str, Scored]:
    options = {**OPTIONS, "first_error": {**OPTIONS["first_error"], **first_error}}
    with running() as server, Client(server.target, deadline=300) as client:
        batch = client.score_batch(episodes, options=options, evaluator=environment(error_at, share, ConnectionError))
    found = {outcome.episode_id: outcome for outcome in batch.outcomes if isinstance(outcome, Scored)}
    assert len(found) == len(episodes), batch.outcomes
    return found


def error_at(episode: Any) -> int:
    """A message of the agent: every second one."""
    return 2 * (int(episode.id.removeprefix("run-")) % 11)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_decisive_step_of_a_tool_trace_is_found_all_the_same(
    share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes = [tool_trace(number) for number in range(11)]
    steady, flaky = scored(episodes, 0), scored(episodes, share)
    failed = 0
    for episode in episodes:
        before, after = steady[episode.id].signals, flaky[episode.id].signals
        assert before.first_error is not None
        assert after.first_error is not None
        effort = after.proto.effort
        assert after.first_error.first_index == after.first_error.decisive_index == error_at(episode)
        if not effort.failed_nodes:
            assert after.first_error == before.first_error
            assert after.rewards == before.rewards
        assert after.first_error.search_end == "SETTLED"
        assert effort.samples <= 40 + 4
        failed += effort.failed_rollouts
    assert failed > 0
    # Both verifiers compute every number again from the record, failures and all.
    (tmp_path / "episodes.jsonl").write_text("".join(e.to_json() + "\n" for e in episodes))
    results = "".join(json_format.MessageToJson(o.proto, indent=None) + "\n" for o in flaky.values())
    (tmp_path / "results.jsonl").write_text(results)
    files = [str(tmp_path / "results.jsonl"), "--episodes", str(tmp_path / "episodes.jsonl")]
    assert main(["verify", *files]) == 0, capsys.readouterr().out
    assay = command()
    assert assay is not None
    run = subprocess.run([assay, "verify", *files], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_environment_that_is_gone_names_nobody() -> None:
    episode = tool_trace(3)
    signals = scored([episode], 1)[episode.id].signals
    assert signals.first_error is not None
    assert signals.first_error.first_index is None
    assert signals.first_error.agent_id == ""
    assert signals.first_error.tier == "NONE"
    assert signals.first_error.search_end == "FAILURES"
    assert signals.proto.effort.failed_rollouts >= 6
    assert signals.proto.effort.failed_nodes


def test_a_node_gets_its_budget_and_no_more() -> None:
    episode = tool_trace(5)
    signals = scored([episode], 0.2, max_node_rollouts=2, settled=1.0)[episode.id].signals
    asked: dict[int, int] = {}
    for question in signals.proto.audit.questions:
        if question.counterfactual.HasField("prefix") and not question.HasField("error"):
            node = question.counterfactual.prefix.length
            asked[node] = asked.get(node, 0) + question.samples
    assert asked
    assert max(asked.values()) <= 2
    assert signals.first_error is not None
    assert signals.first_error.search_end in ("EXHAUSTED", "BUDGET")


def test_what_can_never_work_ends_the_episode() -> None:
    """A coalition is no rollout: without its value there are no signals."""

    def answer(episode: Any, question: Question) -> float:
        raise ConnectionError("gone")

    with running() as server, Client(server.target, deadline=300) as client:
        batch = client.score_batch([tool_trace(1)], options=OPTIONS, evaluator=each(answer))
    (outcome,) = batch.outcomes
    assert not outcome.ok
    assert "gone" in str(outcome)
