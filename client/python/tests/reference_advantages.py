"""Advantages of a group in numpy, written from the specification (signals, section 5b); for tests only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Rollout:
    """score: the outcome; rewards: (agent, reward) of every message, in order."""

    score: float
    rewards: list[tuple[str, float]]


def advantages(
    group: list[Rollout], blend: float = 0.5, ddof: int = 0, value_range: float = 1.0, epsilon: float = 1e-6
) -> list[list[float]]:
    """A_t = (1 - blend) O_e + blend L_t for every message of every rollout."""
    scores = np.array([r.score for r in group])
    if len(group) < 2 or np.all(scores == scores[0]):
        outcome = np.zeros(len(group))
    else:
        outcome = (scores - scores.mean()) / (scores.std(ddof=ddof) + epsilon * value_range)
    agents = sorted({agent for r in group for agent, _ in r.rewards})
    local = [np.zeros(len(r.rewards)) for r in group]
    for agent in agents:
        mine = [[t for t, (author, _) in enumerate(r.rewards) if author == agent] for r in group]
        totals = np.array([sum(r.rewards[t][1] for t in places) for r, places in zip(group, mine, strict=True)])
        numerators = [
            np.array([len(places) * r.rewards[t][1] - totals.mean() for t in places])
            for r, places in zip(group, mine, strict=True)
        ]
        everything = np.concatenate(numerators)
        scale = np.sqrt(np.mean(everything**2)) + epsilon * value_range
        for e, places in enumerate(mine):
            local[e][places] = np.clip(numerators[e] / scale, -5, 5)
    return [list((1 - blend) * outcome[e] + blend * local[e]) for e in range(len(group))]
