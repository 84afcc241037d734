"""From learning curves to figures with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from team_training.environments import Bools, Floats

TARGET = 0.9  # of the optimum, which is 1 in every environment
_LASTING = 3  # checkpoints over which the value is averaged, lest a lucky examination counts


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % t interval."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def share(values: Floats) -> Estimate:
    """estimate() of numbers in [0, 1], whose interval ends there."""
    found = estimate(values)
    return Estimate(found.mean, max(found.low, 0.0), min(found.high, 1.0))


def estimate(values: Floats) -> Estimate:
    mean = float(values.mean())
    half = _half_width(values)
    return Estimate(mean, mean - half, mean + half)


def _half_width(values: Floats) -> float:
    if len(values) < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


class Curves:
    """The history of one method in one environment; arrays are [seeds, checkpoints]."""

    def __init__(self, history: Mapping[str, Any], budget: int) -> None:
        self.budget = budget
        self.arrays: dict[str, Floats] = {name: np.array(rows, dtype=float) for name, rows in history.items()}

    def __getitem__(self, name: str) -> Floats:
        return self.arrays[name]

    def _crossing(self) -> tuple[Any, Bools]:
        """First checkpoint [seeds] from which the value is above the target on average over the next ones, and whether
        there is one."""
        value = self["value"]
        if value.shape[1] < _LASTING:
            return np.zeros(len(value), dtype=np.int64), np.zeros(len(value), dtype=bool)
        there = np.lib.stride_tricks.sliding_window_view(value, _LASTING, axis=1).mean(axis=2) >= TARGET
        return there.argmax(axis=1), there.any(axis=1)

    def reached(self) -> Bools:
        return self._crossing()[1]

    def spent(self, name: str) -> Floats:
        """What of `name` [seeds] was spent up to the target; where it was not reached, all that was spent."""
        checkpoint, reached = self._crossing()
        last = self[name].shape[1] - 1
        return self[name][np.arange(len(reached)), np.where(reached, checkpoint, last)]

    def rollouts_to_target(self) -> Floats:
        """[seeds]; the budget where the target was not reached."""
        return np.minimum(self.spent("rollouts"), self.budget)

    def final(self, name: str) -> Floats:
        return self[name][:, -1]

    def band(self, grid: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean value and its 95 % band at the rollouts of `grid`."""
        value = np.stack([np.interp(grid, x, y) for x, y in zip(self["rollouts"], self["value"], strict=True)])
        half = np.array([_half_width(column) for column in value.T])
        mean = value.mean(axis=0)
        return mean, np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)


def best_steps(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """By environment and method: the step that got there soonest on average; among equals the smallest."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for record in records:
        found = float(np.mean(record["rollouts"])), float(record["step"])
        key = record["environment"], record["method"]
        best[key] = min(best.get(key, found), found)
    return {key: step for key, (_, step) in best.items()}


def ratio(numerator: Floats, denominator: Floats) -> Estimate:
    """Geometric mean of the ratios, seed by seed, with the t interval of their logarithms."""
    logs = estimate(np.log(np.maximum(numerator, 1) / np.maximum(denominator, 1)))
    return Estimate(float(np.exp(logs.mean)), float(np.exp(logs.low)), float(np.exp(logs.high)))
