"""Success rates of nodes: grids of them with their weights, and what rollouts say of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log

from .settings import Model

LEAST_RATE = 1e-9  # a policy of value 0 must not make one lucky rollout impossible


Grid = Sequence[tuple[float, float]]  # (rate, weight)


def log_of(p: float) -> float:
    return log(p) if p > 0 else -inf


def log_likelihood(rate: float, successes: float, failures: float) -> float:
    hit = successes * log_of(rate) if successes else 0.0
    return hit + (failures * log_of(1 - rate) if failures else 0.0)


def node_evidence(grid: Grid, successes: float, trials: float) -> tuple[float, float]:
    """log mean likelihood over a grid of rates, and the mean rate under it."""
    if not trials:
        return 0.0, sum(rate * weight for rate, weight in grid)
    logs = [log_likelihood(rate, successes, trials - successes) for rate, _ in grid]
    top = max(logs)
    if top == -inf:
        return -inf, 0.0
    weights = [weight * exp(value - top) for value, (_, weight) in zip(logs, grid, strict=True)]
    total = sum(weights)
    return top + log(total), sum(w * rate for w, (rate, _) in zip(weights, grid, strict=True)) / total


def moments_of(grid: Grid, successes: float, trials: float) -> tuple[float, float]:
    """Mean of a node's rate and of its square under its rollouts."""
    logs = [log_of(weight) + log_likelihood(rate, successes, trials - successes) for rate, weight in grid]
    top = max(logs)
    weights = [exp(value - top) for value in logs]
    total = sum(weights)
    mean, square = (
        sum(w * rate**power for w, (rate, _) in zip(weights, grid, strict=True)) / total for power in (1, 2)
    )
    return mean, square


def scaled(high: Grid, model: Model, start_value: float | None) -> Grid:
    """Weak policies succeed less often where success is likely."""
    scale = 1.0 if start_value is None else min(1.0, start_value / model.mean_high)
    return [(min(max(rate * scale, LEAST_RATE), 1 - LEAST_RATE), weight) for rate, weight in high]


def shared(grid: Grid, level: int, share: float) -> Grid:
    """A node's rate in an episode of this level: its own draw, or the episode's."""
    return [(rate, (1 - share) * weight + share * (i == level)) for i, (rate, weight) in enumerate(grid)]
