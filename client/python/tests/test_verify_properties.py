"""Invariants of proto/signals.md on random cases: rewards of failures, and advantages of groups."""

from __future__ import annotations

import random

import numpy as np
import pytest
from reference_advantages import control as control_part
from reference_advantages import credit_part, outcome, reliability, value_part

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2
from assay_rl.verify import advantages, allocation, blame, settings, transcript

CASES = 20_000
PARTS = 20  # tests that share the cases, for a failure to name few of them
LABELS = (
    signals_pb2.LABEL_SOUND,
    signals_pb2.LABEL_NEUTRAL,
    signals_pb2.LABEL_FIRST_ERROR,
    signals_pb2.LABEL_ERROR,
    signals_pb2.LABEL_FAILURE_ALIGNED,
    signals_pb2.LABEL_REPAIR,
    signals_pb2.LABEL_REPAIR_ATTEMPT,
)
PROBABLE_GRADES = (0, 0, 0, signals_pb2.ANSWER_GRADE_RIGHT, signals_pb2.ANSWER_GRADE_WRONG)


def shape(draw: random.Random) -> transcript.Transcript:
    """Authors of up to nine messages, some of them context."""
    episode = episode_pb2.Episode(agents=[episode_pb2.Agent(id=a) for a in "abc"])
    for _ in range(draw.randint(0, 9)):
        episode.messages.add(agent_id=draw.choice(["a", "b", "c", ""]))
    return transcript.read(episode)


def random_failure(draw: random.Random, script: transcript.Transcript, span: float) -> blame.Failure:
    count = len(script.authors)
    located = draw.random() < 0.5
    names = LABELS if located else (signals_pb2.LABEL_NEUTRAL, signals_pb2.LABEL_REPAIR_ATTEMPT)
    masses = [draw.random() for _ in range(count + 1)]
    first = [mass / sum(masses) for mass in masses[:count]]
    loud = draw.random() < 0.5
    return blame.Failure(
        shortfall=-span * draw.choice([0, 1, draw.random()]),
        labels=[draw.choice(names) for _ in range(count)],
        grades=[draw.choice(PROBABLE_GRADES) for _ in range(count)] if draw.random() < 0.3 else [0] * count,
        blame=[span * draw.uniform(-0.5, 0.5) * loud for _ in range(count)],
        credit=[span * draw.choice([0, draw.uniform(-1, 1)]) for _ in range(count)] if draw.random() < 0.7 else None,
        first=first if draw.random() < 0.7 else None,
        error=[draw.random() for _ in range(count)],
        environment=draw.random() if draw.random() < 0.3 else 0.0,
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_rewards_of_failures_are_conserved_bounded_and_of_the_right_sign(part: int) -> None:
    draw = random.Random(part)
    for _ in range(CASES // PARTS):
        script, low, span = shape(draw), draw.choice([0.0, -3.0]), draw.choice([1.0, 0.01, 40.0])
        options = options_pb2.AttributionOptions()
        options.value_range.low, options.value_range.high = low, low + span
        options.reward_bound = span * draw.choice([1.0, 2.0, 7.0])
        chosen = settings.resolve(options, episode_pb2.Episode())
        failure = random_failure(draw, script, span)
        given = blame.allocate_failure(script, chosen, failure)
        check_failure(script, failure, given, chosen)


def check_failure(
    script: transcript.Transcript, failure: blame.Failure, given: allocation.Allocation, chosen: settings.Settings
) -> None:
    tolerance = 1e-9 * chosen.range
    rest = sum(given.unallocated.values())
    assert sum(given.rewards) + rest == pytest.approx(failure.shortfall, abs=tolerance)
    assert max(map(abs, given.rewards), default=0) <= chosen.bound
    assert sum(max(r, 0) for r in given.rewards) <= abs(failure.shortfall) / 2 + tolerance
    assert rest <= tolerance, "more is taken than lacks"
    for t, reward in enumerate(given.rewards):
        if script.authors[t] == transcript.CONTEXT:
            assert reward == 0
            continue
        if failure.labels[t] in blame.ERRED:
            assert reward <= 0
            continue
        if not given.relaxed and failure.labels[t] in blame.REPAIRED:
            assert reward >= 0
        if not given.relaxed and failure.grades[t] == signals_pb2.ANSWER_GRADE_RIGHT:
            assert reward >= 0
    found = any(failure.labels[t] in blame.LOCATED for t in script.players)
    if script.players and not found:  # then nothing but the environment's share is left over
        assert rest == pytest.approx(failure.shortfall * failure.environment, abs=tolerance)
        if failure.credit is None and failure.first is None and not any(failure.blame) and not any(failure.grades):
            takers = [t for t in script.players if failure.labels[t] not in blame.REPAIRED] or script.players
            assert np.ptp([given.rewards[t] for t in takers]) <= tolerance


def random_group(draw: random.Random, span: float) -> list[signals_pb2.EpisodeSignals]:
    """Signals of one task: agents of two policies, some credits noisy, some values and scores."""
    group = []
    values, counterfactual, noisy = draw.random() < 0.3, draw.random() < 0.7, draw.random() < 0.5
    agents = draw.randint(1, 3)
    for e in range(draw.randint(1, 8)):
        signals = signals_pb2.EpisodeSignals(episode_id=str(e), score=span * draw.choice([0, 1, draw.random()]))
        signals.owen_values, signals.parallel = True, draw.random() < 0.8
        for i in range(agents):
            agent = signals.agents.add(agent_id=str(i), policy=str(i))
            if counterfactual:
                agent.value_without = span * draw.choice([0, 1, draw.random()])
                agent.credit = span * draw.uniform(-1, 1)
                agent.std_error = span * draw.random() / 2 if noisy else 0
        for t in range(draw.randint(0, 5)):
            message = signals.messages.add(index=t, agent_id=str(draw.randrange(agents)))
            if counterfactual:
                message.credit = span * draw.choice([0, draw.uniform(-1, 1)])
            if values:
                message.value_change, message.value_change_variance = span * draw.uniform(-1, 1), span**2 * 0.01 * noisy
            if draw.random() < 0.5:
                message.process_score = draw.uniform(-1, 1)
        group.append(signals)
    return group


@pytest.mark.parametrize("part", range(PARTS))
def test_advantages_follow_numpy_and_their_bounds(part: int) -> None:
    draw = random.Random(part)
    for _ in range(CASES // PARTS):
        span = draw.choice([1.0, 5.0])
        group = random_group(draw, span)
        options = options_pb2.AttributionOptions()
        options.value_range.high = span
        options.advantages.scale = draw.choice(options_pb2.OutcomeScale.values())
        if draw.random() < 0.5:
            options.advantages.blend = draw.choice([0, 0.3, 1])
        chosen = settings.resolve(options, episode_pb2.Episode())
        found = advantages.of_group(group, chosen)
        check_advantages(group, found, chosen)


def check_advantages(
    group: list[signals_pb2.EpisodeSignals], found: advantages.GroupExpectation, chosen: settings.Settings
) -> None:
    scores = np.array([s.score for s in group])
    undivided = chosen.scale == options_pb2.OUTCOME_SCALE_NONE
    ddof = int(chosen.scale == options_pb2.OUTCOME_SCALE_SAMPLE)
    unit = outcome(scores, chosen.range, ddof=ddof)
    assert [e.outcome for e in found.episodes.values()] == pytest.approx(
        scores - scores.mean() if undivided else unit, abs=1e-9
    )
    assert 0 <= found.reliability <= 1
    assert 0 <= found.weight <= (1 if chosen.blend is None else chosen.blend)
    limit = 5 * chosen.range if undivided else 5
    for signals, episode in zip(group, found.episodes.values(), strict=True):
        for m in signals.messages:
            own = episode.messages[m.index]
            assert own.advantage == pytest.approx((1 - found.weight) * own.outcome + found.weight * own.credit)
            assert abs(own.credit) <= limit
            if chosen.blend == 0:
                assert own.advantage == own.outcome
    if not undivided:
        _follow_numpy(group, found, scores, chosen.range, ddof)


def _follow_numpy(
    group: list[signals_pb2.EpisodeSignals],
    found: advantages.GroupExpectation,
    scores: np.typing.NDArray[np.float64],
    span: float,
    ddof: int,
) -> None:
    places = [(e, m) for e, s in enumerate(group) for m in s.messages]
    parts = {(e, m.index): found.episodes[str(e)].messages[m.index] for e, m in places}
    if found.outcome_part == options_pb2.OUTCOME_PART_CONTROL:
        for i in range(len(group[0].agents)):
            x = control_part(scores, np.array([s.agents[i].value_without for s in group]), span, ddof=ddof)
            own = [(e, m) for e, m in places if m.agent_id == str(i)]
            assert [parts[e, m.index].outcome for e, m in own] == pytest.approx([x[e] for e, _ in own], abs=1e-9)
    if found.credit_part == options_pb2.CREDIT_PART_VALUES:
        k = value_part(np.array([m.value_change for _, m in places]), span)
        assert [parts[e, m.index].credit for e, m in places] == pytest.approx(k, abs=1e-9)
    elif found.credit_part == options_pb2.CREDIT_PART_CREDIT:
        for i in range(len(group[0].agents)):
            own = [(e, m) for e, m in places if m.agent_id == str(i)]
            if own:
                k = credit_part(np.array([m.credit for _, m in own]), span)
                assert [parts[e, m.index].credit for e, m in own] == pytest.approx(k, abs=1e-9)
        shares, errors = (np.array([[getattr(a, n) for a in s.agents] for s in group]) for n in ("credit", "std_error"))
        assert found.reliability == pytest.approx(reliability(shares, errors), abs=1e-9)


def test_nothing_jumps_at_the_threshold() -> None:
    """Invariant 13: two groups that differ in a score of .49 and .51 differ by that over the std, and no more."""
    draw = random.Random(7)
    for _ in range(200):
        group = random_group(draw, 1.0)
        if len(group) < 2:
            continue
        chosen = settings.resolve(options_pb2.AttributionOptions(), episode_pb2.Episode())
        both = []
        for score in (0.49, 0.51):
            group[0].score = score
            both.append(advantages.of_group(group, chosen))
        below, above = both
        gap = 0.02 / min(below.std, above.std)
        for e, episode in below.episodes.items():
            for index, own in episode.messages.items():
                moved = abs(own.advantage - above.episodes[e].messages[index].advantage)
                assert moved <= gap * (1 + abs(own.outcome)) + 1e-9


def test_an_order_of_members_changes_nothing() -> None:
    draw = random.Random(8)
    chosen = settings.resolve(options_pb2.AttributionOptions(), episode_pb2.Episode())
    for _ in range(200):
        group = random_group(draw, 1.0)
        found = advantages.of_group(group, chosen)
        assert advantages.of_group(draw.sample(group, len(group)), chosen).episodes == found.episodes
