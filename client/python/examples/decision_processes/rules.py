"""What is compared: Assay, told more or less, and what a trainer does without it.

The rules without a server see a group of trajectories and give an advantage for every message. RLOO: score less the
mean of the others'. Leave-one-turn-out: score less that without the message, standardised over the author's messages.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay_rl import Client
from decision_processes.oracle import Advantages, Class, classes
from decision_processes.processes import Floats, Process, Trajectory
from decision_processes.service import Evidence, advantages_of, signals_of

_EPSILON = 1e-6


@dataclass(frozen=True)
class Asked:
    """Assay with these AdvantageOptions (none: its defaults) and this evidence."""

    title: str
    evidence: Evidence
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Computed:
    """A rule without a server. key: all that it sees of a trajectory."""

    title: str
    key: Callable[[Process, Trajectory], Hashable]
    rule: Callable[[Process, Sequence[Trajectory]], list[Floats]]


def _score(process: Process, trajectory: Trajectory) -> Hashable:
    return trajectory.score, len(trajectory.turns)


def _grpo(process: Process, group: Sequence[Trajectory]) -> list[Floats]:
    scores = np.array([trajectory.score for trajectory in group])
    standardised = (scores - scores.mean()) / (scores.std() + _EPSILON)
    return [np.full(len(t.turns), a) for t, a in zip(group, standardised, strict=True)]


def _rloo(process: Process, group: Sequence[Trajectory]) -> list[Floats]:
    scores = np.array([trajectory.score for trajectory in group])
    others = (scores.sum() - scores) / (len(scores) - 1)
    return [np.full(len(t.turns), a) for t, a in zip(group, scores - others, strict=True)]


def _without_each(process: Process, trajectory: Trajectory) -> tuple[float, ...]:
    """Score less the score without each message."""
    actions: list[int | None] = [turn.action for turn in trajectory.turns]
    return tuple(
        trajectory.score - process.grade([*actions[:place], None, *actions[place + 1 :]], trajectory.luck)
        for place in range(len(actions))
    )


def _leave_one_turn_out(process: Process, group: Sequence[Trajectory]) -> list[Floats]:
    authors = [np.array([turn.choice.agent for turn in trajectory.turns]) for trajectory in group]
    found = [np.array(_without_each(process, trajectory)) for trajectory in group]
    for agent in process.agents:
        own = np.concatenate([f[who == agent] for f, who in zip(found, authors, strict=True)])
        if len(own):
            for f, who in zip(found, authors, strict=True):
                f[who == agent] = (f[who == agent] - own.mean()) / (own.std() + _EPSILON)
    return found


GRPO = Computed("GRPO", _score, _grpo)
BASELINES = (
    GRPO,
    Computed("RLOO", _score, _rloo),
    Computed("leave one turn out", lambda p, t: (_score(p, t), _without_each(p, t)), _leave_one_turn_out),
)
NOTHING_KNOWN = Asked("nothing known, defaults", Evidence.NOTHING)
BLEND_0 = Asked("left out, OUTCOME, blend 0", Evidence.LEFT_OUT, {"outcome": "OUTCOME_PART_OUTCOME", "blend": 0.0})
CONTROL = Asked("left out, CONTROL, blend 0", Evidence.LEFT_OUT, {"outcome": "OUTCOME_PART_CONTROL", "blend": 0.0})
CREDIT = Asked("left out, CREDIT, blend 1", Evidence.LEFT_OUT, {"credit": "CREDIT_PART_CREDIT", "blend": 1.0})
LEFT_OUT = Asked("left out, defaults", Evidence.LEFT_OUT)
VALUES = Asked("exact values, defaults", Evidence.VALUES)
SCORES = Asked("a good judge, defaults", Evidence.SCORES)
ASSAY = (NOTHING_KNOWN, BLEND_0, CONTROL, CREDIT, LEFT_OUT, VALUES, SCORES)


@dataclass(frozen=True)
class Prepared:
    """What a rule makes of the episodes of a process under one policy.

    classes: the trajectories that it tells apart. class_of: by Trajectory.identity. advantages: of groups of classes.
    """

    classes: list[Class]
    class_of: Mapping[Hashable, int]
    advantages: Advantages


def prepare(rule: Asked | Computed, process: Process, policy: Floats, client: Client) -> Prepared:
    trajectories = process.trajectories(policy)
    if isinstance(rule, Computed):
        keys = [rule.key(process, trajectory) for trajectory in trajectories]
        found = classes(process, policy, trajectories, keys)
        computed = rule.rule

        def advantages(groups: Sequence[Sequence[int]]) -> list[list[Floats]]:
            return [computed(process, [found[k].example for k in group]) for group in groups]

    else:
        signals = signals_of(client, process, trajectories, rule.evidence)
        keys = [each.SerializeToString(deterministic=True) for each in signals]
        found = classes(process, policy, trajectories, keys)
        known = [signals[keys.index(key)] for key in dict.fromkeys(keys)]
        options = rule.options

        def advantages(groups: Sequence[Sequence[int]]) -> list[list[Floats]]:
            return advantages_of(client, [[known[k] for k in group] for group in groups], options)

    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    class_of: dict[Hashable, int] = {t.identity: places[key] for t, key in zip(trajectories, keys, strict=True)}
    return Prepared(found, class_of, advantages)
