"""The conserving projection (proto/signals.md, "Projection")."""

from __future__ import annotations

from collections.abc import Sequence


def project(
    x: Sequence[float],
    w: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    total: float,
    dust: float = 0.0,
) -> list[float]:
    """argmin sum (r - x)^2 / w subject to sum r = total, low <= r <= high; needs sum low <= total <= sum high.

    r_t = clip(x_t + lambda w_t): each entry leaves its lower bound at lambda = (low - x) / w and reaches the upper one
    at (high - x) / w. Between breakpoints the sum is linear in lambda: walk to the segment that holds `total`.
    Amounts up to `dust` are zero.
    """
    events: list[tuple[float, float, float]] = []  # (lambda, change of slope, change of the sum's constant part)
    slope, constant = 0.0, 0.0
    for value, weight, lo, hi in zip(x, w, low, high, strict=True):
        constant += lo
        if hi > lo:
            events.append(((lo - value) / weight, weight, value - lo))
            events.append(((hi - value) / weight, -weight, hi - value))
    events.sort(key=lambda event: event[0])
    root = 0.0
    for position, (at, d_slope, d_constant) in enumerate(events):
        slope += d_slope
        constant += d_constant
        end = events[position + 1][0] if position + 1 < len(events) else at
        root = at
        if slope > 0 and constant + slope * end >= total:
            root = min(max((total - constant) / slope, at), end)
            break
    rewards = [min(max(v + root * c, lo), hi) for v, c, lo, hi in zip(x, w, low, high, strict=True)]
    return [0.0 if abs(reward) <= dust else reward for reward in rewards]


def relax(
    low: Sequence[float], high: Sequence[float], total: float, bound: float
) -> tuple[list[float], list[float], bool]:
    """Bounds under which `total` can be placed, and whether they had to give up the signs."""
    slack = 1e-12 * bound
    if total < sum(low) - slack:
        return [-bound] * len(low), list(high), True
    if total > sum(high) + slack:
        return list(low), [bound] * len(high), True
    return list(low), list(high), False
