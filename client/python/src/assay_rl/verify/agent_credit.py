"""Agents' credit from the recorded answers (proto/signals.md, "Credit of agents")."""

from __future__ import annotations

from dataclasses import dataclass

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from .games import shapley
from .questions import Answers
from .settings import Settings


@dataclass(frozen=True)
class Credit:
    """Agent credit. `exact`: from all 2^n coalitions; else taken from the published result."""

    score: float
    baseline: float
    grand: float
    values: list[float]
    exact: bool
    shapley: bool
    table: list[float] | None
    without: list[float | None]  # v(N without the agent), where it was asked


def credit(
    episode: episode_pb2.Episode, settings: Settings, answers: Answers, published: signals_pb2.EpisodeSignals | None
) -> Credit:
    """Section 2. Without a full table the published credits stand in (their invariants are checked apart)."""
    n = len(episode.agents)
    has_score = episode.outcome.HasField("score")
    if settings.evaluator == "outcome":
        score = episode.outcome.score if has_score else settings.low
        return Credit(score, settings.low, score, [0.0] * n, True, False, None, [None] * n)
    table = answers.table() if n <= 20 else None
    grand, baseline = answers.coalition((1 << n) - 1), answers.coalition(0)
    if table is not None:
        grand, baseline = table[-1], table[0]
    if grand is None or baseline is None:
        raise KeyError("coalition {} or all agents")
    score = episode.outcome.score if has_score else grand
    exact = table is not None and settings.method in (options_pb2.METHOD_AUTO, options_pb2.METHOD_EXACT)
    if exact and table is not None:
        # Amounts within 1e-12 of the range are zero: their sign must not choose bounds.
        values = [0.0 if abs(phi) <= 1e-12 * settings.range else phi for phi in shapley(table, n)]
        without: list[float | None] = [table[len(table) - 1 - (1 << i)] for i in range(n)]
        return Credit(score, baseline, grand, values, True, True, table, without)
    values = [agent.credit for agent in published.agents] if published else []
    everybody = (1 << n) - 1
    known = [
        answers.coalition(everybody & ~(1 << i)) if answers.was_asked(everybody & ~(1 << i)) else None for i in range(n)
    ]
    return Credit(score, baseline, grand, values, False, True, None, known)
