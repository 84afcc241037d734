"""The verifiers adapter with the real package (doors.sh installs it): its own traces, branches and environments."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from reruns import RERUN, coding_team
from rollouts import BROKEN, OPTIONS, PLAYS, Play, episodes, evaluate
from verifiers_traces import by_agent, played, tokens_of

from assay_rl import Advantages, Client, each
from assay_rl.client.outcomes import EpisodeError
from assay_rl.training.team import TeamCredit

pytestmark = [needs_assayd, pytest.mark.trainers]


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


@pytest.fixture(params=PLAYS, ids=lambda play: play.outcome_part)
def play(request: pytest.FixtureRequest) -> Play:
    held: Play = request.param
    return held


@pytest.fixture
def credit(server: Assayd, play: Play) -> TeamCredit:
    return play.credit(server.target)


@pytest.fixture
def expected(server: Assayd, play: Play) -> list[Advantages | None]:
    return play.plain(server.target)


def test_verifiers_tokens(credit: TeamCredit, expected: list[Advantages | None]) -> None:
    pytest.importorskip("verifiers.v1.episode")
    from assay_rl.training import verifiers

    group = [played(episode) for episode in episodes()]
    asyncio.run(verifiers.credit_group(group, credit))
    for number, (held, episode, own) in enumerate(zip(group, episodes(), expected, strict=True)):
        for trace in held.traces:
            (branch,) = trace.branches
            if number == BROKEN:
                assert own is None
                assert branch.advantages is None
                assert verifiers.token_values(trace) == [0.0] * sum(branch.sampled_mask)
                continue
            assert own is not None
            wanted = [own.messages[index] for index in by_agent(episode)[trace.agent.name] for _ in tokens_of(index)]
            assert branch.advantages is not None
            assert [a for a, own_ in zip(branch.advantages, branch.sampled_mask, strict=True) if own_] == wanted
            assert {a for a, own_ in zip(branch.advantages, branch.sampled_mask, strict=True) if not own_} <= {0.0}
            assert verifiers.token_values(trace) == wanted


def test_verifiers_finalize(server: Assayd) -> None:
    vf = pytest.importorskip("verifiers.v1.env")
    from verifiers.v1.trace import Reward

    from assay_rl.training.verifiers import AssayFinalize

    class Riddles(AssayFinalize, vf.Env):  # type: ignore[misc, name-defined]
        assay = PLAYS[0].credit(server.target)

        async def run(self, task: Any, agents: Any) -> None: ...

        def assay_outcome(self, episode: Any) -> float | None:
            return None

    env = object.__new__(Riddles)
    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes
    for number, (held, outcome) in enumerate(zip(map(played, episodes()), outcomes, strict=True)):
        for trace in held.traces:
            trace.rewards["tests"] = Reward(score=0.25)
        if number == BROKEN:
            with pytest.raises(EpisodeError, match="the sandbox is gone"):
                asyncio.run(env.finalize(None, held))
            assert all("assay" not in trace.rewards for trace in held.traces), "a failed episode is never a number"
            continue
        asyncio.run(env.finalize(None, held))
        assert outcome.ok
        without = {agent.agent_id: agent.value_without for agent in outcome.signals.agents}
        for trace in held.traces:
            assert trace.reward == pytest.approx(outcome.signals.score - without[trace.agent.name])
            assert trace.rewards["tests"].score == 0.25
            assert trace.metrics["assay_score"] == outcome.signals.score


def test_verifiers_records_are_read_as_the_adapter_reads_episodes() -> None:
    """The importer of files and the adapter see the same team."""
    pytest.importorskip("verifiers.v1.episode")
    from assay_rl.convert import from_trace
    from assay_rl.training.verifiers import team_of

    for episode in episodes():
        held = played(episode)
        for trace in held.traces:
            trace.record_reward("tests", 0.5)
        (read,) = from_trace(held.to_record())
        team = team_of(held)
        assert [(m.agent, m.content) for m in read.messages] == [(m.agent, m.content) for m in team.episode.messages]
        assert read.score == team.episode.score == 0.5
        assert [(m.agent, m.content) for m in episode.messages] == [(m.agent, m.content) for m in read.messages]


def test_verifiers_coding_team_whose_tests_run_again(server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator runs the tests on what is left of the module: inside the adapter as from the plain client."""
    pytest.importorskip("verifiers.v1.episode")
    from assay_rl.training import verifiers

    coding = coding_team(monkeypatch)
    with Client(server.target) as client:
        batch = client.score_batch(coding.EPISODES, evaluator=each(coding.value), options=RERUN)
    group = [played(episode) for episode in coding.EPISODES]
    team = TeamCredit(server.target, evaluator=each(coding.value), options=RERUN)
    found = asyncio.run(verifiers.credit_group(group, team))
    assert [one.score for one in found] == [1.0, 0.25, 0.5, 0.0] == batch.rewards()
    for held, episode, one, outcome in zip(group, coding.EPISODES, found, batch.outcomes, strict=True):
        assert one.signals is not None
        assert one.signals.credits == outcome.signals.credits
        own = batch.groups["module"].advantages[episode.id]
        assert any(own.messages.values())
        for trace in held.traces:
            (index,) = by_agent(episode)[trace.agent.name]
            assert verifiers.token_values(trace) == [own.messages[index]] * len(tokens_of(index))
