"""A distribution's quantiles as a histogram, as experiment trackers draw it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .summary import Json


@dataclass(frozen=True)
class Histogram:
    """counts[k] values lie in (edges[k], edges[k + 1]]; the counts sum to the number of values."""

    edges: list[float]
    counts: list[float]


def histogram(distribution: Json) -> Histogram:
    """Of a distribution of a summary (n, quantiles). Values that meet in one place are counted in the bin they end."""
    quantiles, n = distribution["quantiles"], distribution["n"]
    share = n / (len(quantiles) - 1)
    edges: list[float] = [quantiles[0]]
    counts: list[float] = []
    waiting = 0.0  # mass at the very first value
    for low, high in pairwise(quantiles):
        if high > low:
            edges.append(high)
            counts.append(share + waiting)
            waiting = 0.0
        elif counts:
            counts[-1] += share
        else:
            waiting += share
    if not counts:
        width = max(abs(edges[0]) * 1e-6, 1e-6)
        return Histogram([edges[0] - width, edges[0]], [float(n)])
    return Histogram(edges, counts)
