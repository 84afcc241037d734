"""What the signals promise to whoever learns from them, asked of a real server."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from assayd import Assayd, episodes, needs_assayd, running

import assay_rl
from assay_rl import Episode, Group, GroupScored, Message, Scored, Task
from assay_rl.training import exports

pytestmark = needs_assayd

DYLAN = ("dylan_mmlu_7agents", "dylan_mmlu_3agents", "dylan_math_complex")
BALLOTS = ("BALLOTS_FIRST", "BALLOTS_LAST", "BALLOTS_LAST_ROUND")


@pytest.fixture(scope="module")
def client() -> Iterator[assay_rl.Client]:
    with running() as server, assay_rl.Client(server.target) as opened:
        assert isinstance(server, Assayd)
        yield opened


def scored(client: assay_rl.Client, held: Sequence[Episode], options: Any = None) -> list[Scored]:
    outcomes = client.score_batch(held, options=options).outcomes
    found = [o for o in outcomes if isinstance(o, Scored)]
    assert len(found) == len(held), [o.error for o in outcomes if isinstance(o, assay_rl.Failed)][:3]
    return found


# Debates that are lost.


def lost_debate(draw: random.Random, name: str, group: str, size: int) -> Episode:
    """Four agents, two rounds; too few vote for what is right for it to win."""
    while True:
        answers = [draw.choice("AABBCD") for _ in range(8)]
        last = Counter(answers[4:])
        if "A" in answers and last["A"] < max(last[answer] for answer in "BCD"):
            break
    messages = [
        Message("wxyz"[k % 4], f"{name}, {k}: I say {answer} because of {draw.random()}", 1 + k // 4, answer)
        for k, answer in enumerate(answers)
    ]
    return Episode(name, messages, task=Task(group, "Q?", "A"), score=0.0, group=Group(group, size))


def test_in_lost_debates_the_right_messages_stand_above_zero(client: assay_rl.Client) -> None:
    draw = random.Random(4)
    held = [lost_debate(draw, f"{g}/{k}", f"g{g}", 8) for g in range(40) for k in range(8)]
    batch = client.score_batch(held, options={"vote": {}})
    found: dict[str, list[float]] = {"RIGHT": [], "WRONG": []}
    for group in batch.groups.values():
        assert isinstance(group, GroupScored)
        assert group.credit_part == "CREDIT"
        for outcome in batch.outcomes:
            if isinstance(outcome, Scored) and outcome.episode_id in group.advantages:
                own = group.advantages[outcome.episode_id].messages
                for message in outcome.signals.messages:
                    found[message.grade].append(own[message.index])
    right, wrong = np.array(found["RIGHT"]), np.array(found["WRONG"])
    print(f"right {right.mean():+.3f}, {np.mean(right < 0):.1%} below 0 of {len(right)}; wrong {wrong.mean():+.3f}")
    assert right.mean() > 0
    assert np.mean(right < 0) <= 0.05
    assert wrong.mean() < 0


def test_the_threshold_is_no_cliff(client: assay_rl.Client) -> None:
    """Two groups that differ only in scores of .49 and .51."""

    def group(name: str, middle: float) -> list[Episode]:
        return [
            Episode(
                f"{name}{k}",
                [Message(a, f"{k} {a}", process_score=0.4 - 0.3 * i) for i, a in enumerate("ab")],
                score=score,
                group=Group(name, 4),
            )
            for k, score in enumerate((0.0, middle, middle, 1.0))
        ]

    held = [*group("below", 0.49), *group("above", 0.51)]
    found = client.score_batch(held).groups
    below, above = found["below"], found["above"]
    assert isinstance(below, GroupScored)
    assert isinstance(above, GroupScored)
    std = min(below.proto.signals.std_score, above.proto.signals.std_score)
    for k in range(4):
        one, other = below.advantages[f"below{k}"].messages, above.advantages[f"above{k}"].messages
        assert max(abs(one[t] - other[t]) for t in one) <= 0.02 / std + 1e-9


# Luck.


def before_a_reply(values: Sequence[float]) -> Episode:
    """A failure: nodes of these values, and a reply of the environment after the last."""
    messages = [Message("ab"[t % 2], f"step {t} of the plan", prefix_value=value) for t, value in enumerate(values)]
    messages[-1].agent, messages[-1].content = "", "the environment's reply"
    return Episode("luck", messages, score=0.0)


@pytest.mark.parametrize("count", [2, 4, 9])
def test_luck_is_the_environments(client: assay_rl.Client, count: int) -> None:
    (found,) = scored(client, [before_a_reply([0.8] * count)])
    first = found.signals.first_error
    assert first is not None
    assert first.first_index is None
    assert first.environment_probability >= 0.8
    assert min(found.signals.rewards.values()) > -0.2


@pytest.mark.parametrize("count", [3, 5, 9])
def test_a_real_last_error_stays_claimed(client: assay_rl.Client, count: int) -> None:
    (found,) = scored(client, [before_a_reply([0.8] * (count - 1) + [0.1])])
    first = found.signals.first_error
    assert first is not None
    assert first.first_index == count - 2


def test_where_nothing_is_known_rewards_are_equal_and_short_texts_may_come_again(client: assay_rl.Client) -> None:
    held = Episode("nothing", [Message("ab"[t % 2], "Continue.") for t in range(6)], score=0.0)
    (found,) = scored(client, [held])
    assert list(found.signals.rewards.values()) == pytest.approx([-1 / 6] * 6, abs=1e-12)
    assert [m.redundancy for m in found.signals.messages] == [0.0] * 6


# Grades.


@pytest.fixture(scope="module", params=[(name, ballots) for name in DYLAN for ballots in BALLOTS])
def debates(request: pytest.FixtureRequest, client: assay_rl.Client) -> tuple[list[Episode], list[Scored]]:
    name, ballots = request.param
    held = episodes(name)
    options = {"vote": {"ballots": ballots, "emptyBallots": name.startswith("dylan_mmlu")}}
    return held, scored(client, held, options)


def test_right_is_not_punished(debates: tuple[list[Episode], list[Scored]]) -> None:
    """Invariant 12, over all failures of real debates."""
    _, found = debates
    failures = [o.signals for o in found if not o.signals.success]
    relaxed = [s for s in failures if any(a.signs_relaxed for a in s.agents)]
    right = [m for s in failures if s not in relaxed for m in s.messages if m.grade == "RIGHT"]
    print(f"{len(failures)} failures, {len(right)} right messages, signs relaxed in {len(relaxed)}")
    assert len(failures) > 100
    assert len(right) > 50
    assert [m for m in right if m.reward < 0] == []


def test_exports_follow_grades(debates: tuple[list[Episode], list[Scored]]) -> None:
    """No wrong answer is exported as right, in a success or a failure, and no right one as wrong."""
    held, found = debates
    sources = {episode.id: episode for episode in held}
    modes: tuple[exports.AfterError, ...] = ("mask", "propagate", "soft")
    for after_error in modes:
        for outcome in found:
            verdicts = exports.verdicts(sources[outcome.episode_id], outcome.signals, after_error)
            for message in outcome.signals.messages:
                verdict = verdicts.get(message.index)
                assert verdict is None or not (message.grade == "WRONG" and verdict > 0.5)
                assert verdict is None or not (message.grade == "RIGHT" and verdict < 0.5)
                assert message.grade != "UNREADABLE" or verdict is None
    labels = Counter(
        (m.grade, m.label) for o in found for m in o.signals.messages if m.label in ("SOUND", "FIRST_ERROR", "ERROR")
    )
    print(labels)
    assert labels["RIGHT", "SOUND"] > 100
    assert not labels["WRONG", "SOUND"]
