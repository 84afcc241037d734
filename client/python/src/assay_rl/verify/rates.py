"""The success rate of every node, by rollouts and nothing that knows how the episode ended."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from assay_rl.v1 import options_pb2

from .grids import Grid, log_of, moments_of, scaled, shared
from .posterior import MAX_SHARED, Evidence, build_chain, log_evidence, marginals, prior
from .settings import Model, Settings
from .transcript import Transcript

SHARED_LEVEL = 0.5  # of the nodes whose values are estimated from rollouts
CHAIN_COST, MAX_SHARED_COST = 32, 3e7


def rates(
    transcript: Transcript,
    settings: Settings,
    rollouts: Sequence[tuple[float, float]],
    start_value: float | None,
) -> list[tuple[float, float]]:
    """Mean and variance of every node's rate, by the rollouts of all nodes and nothing that knows how it ended."""
    count = len(transcript.authors)
    alone = Evidence(
        prior=prior(transcript, None, settings.range),
        ratios=[0.0] * count,
        rollouts=list(rollouts),
        corrections=[],
        annotated=None,
        repairs=(None,) * count,
        definition=options_pb2.ERROR_DEFINITION_STAYS_UNLIKELY,
        success=None,
        outcome=settings.low,
        start_value=start_value,
    )
    model = settings.model
    levels: list[tuple[float, list[tuple[float, float]]]] = []
    if count > MAX_SHARED or _shared_cost(count, model) > MAX_SHARED_COST:
        levels.append(_rates_at(transcript, settings, alone, model.high, model.low))
    else:
        for i, (_, high) in enumerate(model.high):
            for k, (_, low) in enumerate(model.low):
                grids = shared(model.high, i, SHARED_LEVEL), shared(model.low, k, SHARED_LEVEL)
                evidence_of, moments = _rates_at(transcript, settings, alone, *grids)
                levels.append((log_of(high) + log_of(low) + evidence_of, moments))
    top = max(value for value, _ in levels)
    weights = [exp(value - top) for value, _ in levels]
    out: list[tuple[float, float]] = []
    for column in zip(*(moments for _, moments in levels), strict=True):
        mean, square = (
            sum(w * moment[power] for w, moment in zip(weights, column, strict=True)) / sum(weights) for power in (0, 1)
        )
        out.append((mean, max(0.0, square - mean * mean)))
    return out


def _shared_cost(count: int, model: Model) -> float:
    """Of going through all pairs of rates: of each node, those of its rollouts and of the chain."""
    highs, lows = len(model.high), len(model.low)
    return count * highs * lows * (CHAIN_COST + highs + lows)


def _rates_at(
    transcript: Transcript, settings: Settings, alone: Evidence, high: Grid, low: Grid
) -> tuple[float, list[tuple[float, float]]]:
    """The log of the evidence, and the means of every node's rate and of its square."""
    chain = build_chain(transcript, settings, alone, high, low)[0]
    found = marginals(chain)
    assert found is not None, "rollouts alone do not contradict each other"
    grids = scaled(high, settings.model, alone.start_value), low
    out: list[tuple[float, float]] = []
    for p_low, (successes, trials) in zip(found.low, alone.rollouts, strict=True):
        high_part, low_part = (moments_of(grid, successes, trials) for grid in grids)
        mean, square = ((1 - p_low) * h + p_low * lo for h, lo in zip(high_part, low_part, strict=True))
        out.append((mean, square))
    return log_evidence(chain), out
