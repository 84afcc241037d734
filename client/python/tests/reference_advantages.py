"""Advantages of a group in numpy, written from proto/signals.md, "Advantages"; for tests only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass
class Rollout:
    """score: the outcome; messages: (agent, credit) of every message, in order; without: v(N without the agent).

    An agent is its own policy.
    """

    score: float
    messages: list[tuple[str, float]]
    without: dict[str, float] = field(default_factory=dict)


def outcome(scores: Array, value_range: float = 1.0, epsilon: float = 1e-6, ddof: int = 0) -> Array:
    """GRPO; 0 where all scores are equal."""
    if len(scores) < 2 or np.all(scores == scores[0]):
        return np.zeros(len(scores))
    found: Array = (scores - scores.mean()) / (scores.std(ddof=ddof) + epsilon * value_range)
    return found


def control(scores: Array, without: Array, value_range: float = 1.0, epsilon: float = 1e-6, ddof: int = 0) -> Array:
    """The score less what v(N without one agent) explains of it."""
    if len(scores) < 2 or np.all(scores == scores[0]):
        return np.zeros(len(scores))
    y, w = scores - scores.mean(), without - without.mean()
    beta = np.clip((w @ y) / (w @ w + 0.05 * value_range**2), 0, 1)
    found: Array = (y - beta * w) / (scores.std(ddof=ddof) + epsilon * value_range)
    return found


def credit_part(credits: Array, value_range: float = 1.0, epsilon: float = 1e-6) -> Array:
    """One agent's credits over the group."""
    found: Array = np.clip((credits - credits.mean()) / (credits.std() + epsilon * value_range), -5, 5)
    return found


def value_part(changes: Array, value_range: float = 1.0, epsilon: float = 1e-6) -> Array:
    """All agents' changes of value, or process scores, over the group."""
    divisor = max(np.sqrt(np.mean(changes**2)), np.abs(changes).max() / 5)
    found: Array = changes / (divisor + epsilon * value_range)
    return found


def reliability(credits: Array, errors: Array) -> float:
    """Both of shape (episodes, agents)."""
    noise, spread = (errors**2).mean(), ((credits - credits.mean(axis=0)) ** 2).mean()
    if noise == 0:
        return 1.0
    return float(np.clip(1 - noise / spread, 0, 1)) if spread > 0 else 0.0


def advantages(
    group: Sequence[Rollout], weight: float = 0.5, ddof: int = 0, value_range: float = 1.0, epsilon: float = 1e-6
) -> list[list[float]]:
    """A_t = (1 - weight) X + weight K of every message: CONTROL where every rollout says `without`, CREDIT."""
    scores = np.array([r.score for r in group])
    shared = outcome(scores, value_range, epsilon, ddof)
    out = [np.zeros(len(r.messages)) for r in group]
    for agent in sorted({agent for r in group for agent, _ in r.messages}):
        x = shared
        if all(agent in r.without for r in group):
            x = control(scores, np.array([r.without[agent] for r in group]), value_range, epsilon, ddof)
        places = [[t for t, (author, _) in enumerate(r.messages) if author == agent] for r in group]
        mine = np.array([r.messages[t][1] for r, own in zip(group, places, strict=True) for t in own])
        k = iter(credit_part(mine, value_range, epsilon))
        for e, own in enumerate(places):
            for t in own:
                out[e][t] = (1 - weight) * x[e] + weight * next(k)
    return [list(row) for row in out]
