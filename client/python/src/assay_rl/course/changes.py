"""Where a series of numbers became another: binary segmentation by the mean, with a bound on chance.

Source: A. J. Scott and M. Knott, "A cluster analysis method for grouping means in the analysis of variance" (1974).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .metrics import METRICS, ROLE_METRICS, Metric
from .summary import Json

MOST = 3  # changes told of one series
SHORTEST = 2  # values on either side
SURE = 5.0  # difference of the means in standard errors: some tens of series with some tens of places each are tried
MAX_VALUES = 2_000
_TOLD_OTHERWISE = {"hurt"}  # sabotage says the same of the episodes in which the role mattered


@dataclass(frozen=True)
class Change:
    """The mean of positions [begin, at) is `before`, that of [at, end) is `after`."""

    begin: int
    at: int
    end: int
    before: float
    after: float


def changes(values: Sequence[float], least: float = 0.0) -> list[Change]:
    """Changes of the mean by position, at most MOST, each at least `least`. O(n) a split; n up to MAX_VALUES."""
    if len(values) > MAX_VALUES:
        raise ValueError(f"a series of {len(values)} values; the limit is {MAX_VALUES}")
    bounds = [0, len(values)]
    for _ in range(MOST):
        found = [split for a, b in pairwise(bounds) if (split := _split(values, a, b, least))]
        if not found:
            break
        bounds = sorted({*bounds, max(found)[1]})
    means = [math.fsum(values[a:b]) / (b - a) for a, b in pairwise(bounds)] if values else []
    return [
        Change(bounds[k - 1], bounds[k], bounds[k + 1], means[k - 1], means[k])
        for k in range(1, len(means))
        if abs(means[k] - means[k - 1]) >= least
    ]


def _split(values: Sequence[float], begin: int, end: int, least: float) -> tuple[float, int] | None:
    """The clearest place to split [begin, end) at, with how clear it is; None where chance would do."""
    if end - begin < 2 * SHORTEST:
        return None
    count = end - begin
    total = math.fsum(values[begin:end])
    best, place, left = -1.0, begin, 0.0
    for k in range(begin + 1, end - SHORTEST + 1):
        left += values[k - 1]
        size = k - begin
        if size < SHORTEST:
            continue
        difference = left / size - (total - left) / (count - size)
        gain = difference * difference * size * (count - size) / count
        if gain > best:
            best, place = gain, k
    t = _clearness(values, begin, place, end)
    before = math.fsum(values[begin:place]) / (place - begin)
    after = math.fsum(values[place:end]) / (end - place)
    return (t, place) if t >= SURE and abs(after - before) >= least else None


def _clearness(values: Sequence[float], begin: int, place: int, end: int) -> float:
    """Student's t of the two means, with the spread of both sides together."""
    means, squares = [], 0.0
    for a, b in ((begin, place), (place, end)):
        mean = math.fsum(values[a:b]) / (b - a)
        means.append(mean)
        squares += math.fsum((v - mean) ** 2 for v in values[a:b])
    difference = abs(means[1] - means[0])
    error = math.sqrt(squares / max(1, end - begin - 2) * (1 / (place - begin) + 1 / (end - place)))
    return difference / error if error > 1e-12 * max(1.0, difference) else (math.inf if difference > 0 else 0.0)


def of_course(steps: Sequence[Json]) -> list[Json]:
    """The changes of all series of a run (`course.slim` of its summaries), the clearest first."""
    found: list[Json] = []
    for name, metric in METRICS.items():
        found += _of_series("", name, metric, [(s["step"], s["metrics"].get(name)) for s in steps])
    roles = sorted({role for s in steps for role in s["roles"]})
    for role in roles:
        for name, metric in ROLE_METRICS.items():
            if name in _TOLD_OTHERWISE:
                continue
            series = [(s["step"], s["roles"].get(role, {}).get(name)) for s in steps]
            found += _of_series(role, name, metric, series)
    return sorted(found, key=lambda c: (-abs(c["after"] - c["before"]) / c["least"], c["step"], c["role"], c["name"]))


def _of_series(role: str, name: str, metric: Metric, series: Sequence[tuple[int, float | None]]) -> list[Json]:
    known = [(step, value) for step, value in series if value is not None]
    if len(known) < 2 * SHORTEST:
        return []
    return [
        {
            "role": role,
            "name": name,
            "begin": known[c.begin][0],
            "last": known[c.at - 1][0],
            "step": known[c.at][0],
            "end": known[c.end - 1][0],
            "before": c.before,
            "after": c.after,
            "least": metric.least,
        }
        for c in changes([value for _, value in known], metric.least)
    ]
