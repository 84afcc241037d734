"""The worked examples of proto/signals.md, and where luck and nothing known leave the blame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2
from assay_rl.v1.signals_pb2 import (
    LABEL_ERROR,
    LABEL_FAILURE_ALIGNED,
    LABEL_FIRST_ERROR,
    LABEL_NEUTRAL,
    LABEL_REPAIR,
    LABEL_REPAIR_ATTEMPT,
    LABEL_SOUND,
)
from assay_rl.verify import (
    advantages,
    allocation,
    blame,
    games,
    posterior,
    projection,
    questions,
    recompute,
    votes,
)
from assay_rl.verify import settings as settings_module
from assay_rl.verify import transcript as transcript_module


def chain(count: int, **fields: list[float]) -> episode_pb2.Episode:
    """A failed episode of one agent and `count` messages; fields by name, None where unset."""
    episode = episode_pb2.Episode(id="chain", agents=[episode_pb2.Agent(id="a")])
    episode.outcome.score = 0
    for t in range(count):
        message = episode.messages.add(agent_id="a", content=f"message {t}")
        for name, values in fields.items():
            setattr(message, name, values[t])
    return episode


def computed(episode: episode_pb2.Episode, options: options_pb2.AttributionOptions) -> recompute.Expected:
    settings = settings_module.resolve(options, episode)
    script = transcript_module.read(episode)
    return recompute.recompute(episode, script, settings, questions.Answers(episode, script, settings, []))


def test_e1_shapley() -> None:
    phi = games.shapley([0, 0.5, 0, 0.7, 0, 0.6, 0, 1], 3)
    assert phi == pytest.approx([43 / 60, 1 / 6, 7 / 60], abs=1e-12)


def test_e2_saboteur() -> None:
    phi = games.shapley([0, 0, 0, 1, 0, 0, 0, 0.6], 3)
    assert phi == pytest.approx([0.36666666666667, 0.36666666666667, -0.13333333333333], abs=1e-12)


def test_e3_projection() -> None:
    rewards = projection.project([0.4, -0.2, 0], [1, 1, 1], [0, -1, -1], [1, 0, 1], 0.6)
    assert rewards == pytest.approx([8 / 15, -1 / 15, 2 / 15], abs=1e-12)


def test_e4_vote_replay() -> None:
    episode = episode_pb2.Episode(id="vote")
    episode.task.reference_answer = "A"
    for k, answer in enumerate("BAB"):
        episode.agents.add(id=str(k))
        episode.messages.add(agent_id=str(k), round=1, answer=answer)
    options = options_pb2.AttributionOptions()
    settings, script = settings_module.resolve(options, episode), transcript_module.read(episode)
    table = votes.VoteReplay(script, settings, "A").table()
    assert table == [0, 0, 1, 0.5, 0, 0, 0.5, 0]
    assert games.shapley(table, 3) == pytest.approx([-0.25, 0.5, -0.25], abs=1e-12)


def group_of_agents(
    scores: Sequence[float], without: Sequence[Sequence[float]] | None = None
) -> list[signals_pb2.EpisodeSignals]:
    """Episodes of agents 0 and 1, with nothing but what advantages are made of."""
    group = []
    for k, score in enumerate(scores):
        signals = signals_pb2.EpisodeSignals(episode_id=str(k), score=score, owen_values=True)
        for i in range(2):
            agent = signals.agents.add(agent_id=str(i), policy=str(i))
            if without is not None:
                agent.value_without = without[k][i]
            signals.messages.add(index=i, agent_id=str(i))
        group.append(signals)
    return group


def advantages_of(group: list[signals_pb2.EpisodeSignals], **options: Any) -> advantages.GroupExpectation:
    asked = options_pb2.AttributionOptions(advantages=options_pb2.AdvantageOptions(**options))
    return advantages.of_group(group, settings_module.resolve(asked, episode_pb2.Episode()))


def parts(found: advantages.GroupExpectation, name: str, index: int) -> list[float]:
    """One part of message `index` of every episode, in order."""
    return [getattr(e.messages[index], name) for e in found.episodes.values()]


def test_e5_two_episodes() -> None:
    found = advantages_of(group_of_agents((1, 0)), blend=0)
    assert found.mean == 0.5
    assert [e.outcome for e in found.episodes.values()] == pytest.approx([1, -1], abs=1e-5)
    assert parts(found, "advantage", 1) == pytest.approx([1, -1], abs=1e-5)


def test_e9_outcome_and_control() -> None:
    without = [(1, 0), (0, 0), (1, 0), (0, 0)]
    plain = advantages_of(group_of_agents((1, 0, 1, 0)))
    assert plain.outcome_part == options_pb2.OUTCOME_PART_OUTCOME
    assert parts(plain, "outcome", 0) == pytest.approx([1, -1, 1, -1], abs=1e-5)
    less = advantages_of(group_of_agents((1, 0, 1, 0), without))
    assert less.outcome_part == options_pb2.OUTCOME_PART_CONTROL
    assert parts(less, "outcome", 0) == pytest.approx([0.047619, -0.047619, 0.047619, -0.047619], abs=1e-6)
    assert parts(less, "outcome", 1) == pytest.approx([1, -1, 1, -1], abs=1e-5)
    assert [e.outcome for e in less.episodes.values()] == pytest.approx([1, -1, 1, -1], abs=1e-5)


def test_e11_credit() -> None:
    group = group_of_agents((1, 0, 1))
    for (k, i), credit in zip(
        ((0, 0), (0, 1), (1, 1), (1, 0), (2, 1), (2, 0)), (0.5, -0.25, -0.25, 0.5, 0, 0.1), strict=True
    ):
        group[k].messages[i].credit = credit
    found = advantages_of(group)
    assert (found.credit_part, found.reliability, found.weight) == (options_pb2.CREDIT_PART_CREDIT, 1, 0.5)
    assert parts(found, "credit", 0) == pytest.approx([0.707107, 0.707107, -1.414214], abs=2e-5)
    assert parts(found, "credit", 1) == pytest.approx([-0.707107, -0.707107, 1.414214], abs=2e-5)


def test_e12_values() -> None:
    group = group_of_agents((1, 0))
    changes = (-0.25, 0.5, -0.25, -0.5)
    for message, change in zip((m for s in group for m in s.messages), changes, strict=True):
        message.value_change = change
    found = advantages_of(group)
    assert (found.credit_part, found.weight) == (options_pb2.CREDIT_PART_VALUES, 1)
    k = [m.credit for e in found.episodes.values() for m in e.messages.values()]
    assert k == pytest.approx([-0.632456, 1.264911, -0.632456, -1.264911], abs=5e-6)


def test_e13_reliability() -> None:
    group = group_of_agents((1, 0, 1, 0))
    for signals, shares in zip(group, ((0.5, 0), (0, 0.5), (0.3, 0.2), (0.1, 0.1)), strict=True):
        for agent, message, credit in zip(signals.agents, signals.messages, shares, strict=True):
            agent.credit, agent.std_error, message.credit = credit, 0.1, credit
    found = advantages_of(group)
    assert found.reliability == pytest.approx(0.7217391, abs=1e-7)
    assert found.weight == pytest.approx(0.7217391 / 2, abs=1e-7)


def shared_out(
    target: float,
    labels: Sequence[int],
    speaking: Sequence[float] | None = None,
    credit: Sequence[float] | None = None,
    first: Sequence[float] | None = None,
    error: Sequence[float] | None = None,
    environment: float = 0.0,
) -> allocation.Allocation:
    """Rewards of a failure of one agent."""
    count = len(labels)
    source = chain(count)
    failure = blame.Failure(
        shortfall=target,
        labels=labels,
        grades=[0] * count,
        blame=speaking or [0.0] * count,
        credit=credit,
        first=first,
        error=error or [0.0] * count,
        environment=environment,
    )
    settings = settings_module.resolve(options_pb2.AttributionOptions(), source)
    return blame.allocate_failure(transcript_module.read(source), settings, failure)


def test_e6_failure_with_an_attempt() -> None:
    episode = chain(5)
    script = transcript_module.read(episode)
    settings = settings_module.resolve(options_pb2.AttributionOptions(), episode)
    labels = [LABEL_SOUND, LABEL_FIRST_ERROR, LABEL_FAILURE_ALIGNED, LABEL_REPAIR_ATTEMPT, LABEL_NEUTRAL]
    error = [0, 0.9, 0.2, 0, 0]
    nodes = posterior.Posterior(
        [0.0] * 5, [0.0] * 5, [0.0] * 5, list(error), 0, 0, 0, [0.0] * 5, 0, [0.0] * 6, [0.0] * 6
    )
    x = blame.blame_evidence(script, settings, labels, nodes, [None, None, -0.6, 0.8, None], [0.0] * 5, False)
    assert x == pytest.approx([0, -0.5, -0.3, 0.4, 0])
    given = shared_out(-1, labels, x, error=error, first=[0.0] * 5)
    assert given.rewards == pytest.approx([0, -0.9831858, -0.4115044, 0.3946903, 0], abs=5e-8)
    assert sum(given.rewards) == pytest.approx(-1, abs=1e-12)


def test_e14_lost_debate() -> None:
    given = shared_out(-1, [LABEL_NEUTRAL] * 3, credit=(-0.25, 0.5, -0.25))
    assert given.rewards == pytest.approx([-0.75, 0.5, -0.75], abs=1e-6)


def test_e15_nothing_known() -> None:
    assert shared_out(-1, [LABEL_NEUTRAL] * 4).rewards == pytest.approx([-0.25] * 4, abs=1e-12)


def test_e16_an_innocent_one_helped() -> None:
    labels = [LABEL_SOUND, LABEL_FIRST_ERROR, LABEL_FAILURE_ALIGNED, LABEL_NEUTRAL]
    given = shared_out(-1, labels, [0, -0.5, 0, 0], (0.2, -0.4, 0, 0.2), (0, 1, 0, 0), (0, 1, 0.1, 0))
    assert given.rewards == pytest.approx([0.195614, -1.342982, -0.048246, 0.195614], abs=1e-6)


def test_e17_luck_of_the_environment() -> None:
    suspicion = (0.05, 0.05, 0.1)
    given = shared_out(-1, [LABEL_NEUTRAL] * 3, first=suspicion, error=suspicion, environment=0.8)
    assert given.rewards == pytest.approx([-0.050794, -0.050794, -0.098413], abs=1e-6)
    assert given.unallocated[-1] == pytest.approx(-0.8, abs=1e-12)


def test_e18_everybody_helped() -> None:
    given = shared_out(-0.6, [LABEL_NEUTRAL] * 2, credit=(0.2, 0.2))
    assert given.rewards == pytest.approx([-0.3, -0.3], abs=1e-12)
    assert given.relaxed == {-1}


@pytest.mark.parametrize(
    ("base_rate", "first", "none"),
    [
        (None, [0.0163535, 0.0588884, 0.6695107, 0.1967559, 0.0376366], 0.0208549),
        (0.2, [0.0752427, 0.1986961, 0.6384828, 0.0555709, 0.0056073], 0.0264002),
    ],
)
def test_e7_posterior(base_rate: float | None, first: list[float], none: float) -> None:
    episode = chain(5, process_score=[2 * p - 1 for p in (0.95, 0.9, 0.2, 0.3, 0.8)])
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    if base_rate is not None:
        options.first_error.base_rate = base_rate
    located = computed(episode, options).located
    assert located.posterior is not None
    assert located.posterior.first == pytest.approx(first, abs=5e-8)
    assert located.posterior.none == pytest.approx(none, abs=5e-8)
    assert sum(located.posterior.first) + located.posterior.none == pytest.approx(1, abs=1e-12)
    assert located.claim.first == 2
    if base_rate is None:
        decisive = [0.0124319, 0.0565830, 0.6682655, 0.2016829, 0.0505045]
        assert located.posterior.decisive == pytest.approx(decisive, abs=5e-8)


def test_e8_two_errors_and_a_repair() -> None:
    episode = chain(5, process_score=[2 * p - 1 for p in (0.9, 0.1, 0.5, 0.9, 0.1)])
    for node, successes in ((1, 4), (2, 0), (4, 4)):
        episode.messages[node].prefix_rollouts.trials = 4
        episode.messages[node].prefix_rollouts.successes = successes
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    options.first_error.base_rate = 0.2
    located = computed(episode, options).located
    assert located.posterior is not None
    assert located.posterior.first[1] == pytest.approx(0.9830626, abs=5e-8)
    assert located.posterior.repair[3] == pytest.approx(0.7312800, abs=5e-8)
    assert located.posterior.decisive[4] == pytest.approx(0.9752755, abs=5e-8)
    assert located.posterior.none == pytest.approx(0.0074444, abs=5e-8)
    assert (located.claim.first, located.claim.decisive) == (1, 4)
    assert [located.labels[t] for t in (1, 3, 4)] == [LABEL_FIRST_ERROR, LABEL_REPAIR, LABEL_ERROR]


def unlucky(values: Sequence[float], after: float) -> recompute.Expected:
    """Agents' messages with values at every node, then a reply of the environment and a failure."""
    episode = chain(len(values), prefix_value=list(values))
    reply = episode.messages.add(content="the environment's reply")
    reply.prefix_value = after
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    return computed(episode, options)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_luck_is_the_environments(count: int) -> None:
    located = unlucky([0.8] * count, 0.8).located
    assert located.claim.first is None
    assert located.posterior.environment >= 0.8
    whole = sum(located.posterior.first) + located.posterior.environment + located.posterior.none
    assert whole == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_a_real_last_error_before_a_reply_stays_claimed(count: int) -> None:
    located = unlucky([0.8] * count, 0.1).located
    assert located.claim.first == count - 1
    assert located.labels[count - 1] == LABEL_FIRST_ERROR
    assert located.posterior.environment < 0.5


def test_replies_between_messages_may_be_unlucky_too() -> None:
    episode = chain(6, prefix_value=[0.8, 0.8, 0.1, 0.1, 0.1, 0.1])
    episode.messages[1].agent_id = ""
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    expected = computed(episode, options)
    assert expected.located.posterior.environment > 0.8
    assert expected.located.posterior.first[1] == 0
    assert expected.located.claim.first is None
    assert expected.allocation.unallocated[-1] == pytest.approx(-expected.located.posterior.environment)


def test_scores_of_zero_are_no_evidence() -> None:
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    bare = computed(chain(4), options).located
    zero = computed(chain(4, process_score=[0.0] * 4), options).located
    assert bare.posterior == zero.posterior
    assert bare.claim.first is None
    assert zero.claim.first is None
