"""From credit to message rewards in a success (proto/signals.md, "Rewards of a success")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay_rl.v1 import signals_pb2

from .projection import project, relax
from .settings import Settings
from .transcript import CONTEXT, Transcript

LEAST_WEIGHT = 0.01
DUST = 1e-12  # amounts within this share of the range are zero
BLAMED = (signals_pb2.LABEL_FIRST_ERROR, signals_pb2.LABEL_ERROR)


@dataclass
class Allocation:
    """Per message: evidence x, weight w, bounds and reward; per agent: what could not be placed, signs given up."""

    x: list[float]
    w: list[float]
    low: list[float]
    high: list[float]
    rewards: list[float]
    unallocated: dict[int, float] = field(default_factory=dict)
    relaxed: set[int] = field(default_factory=set)


def weights(transcript: Transcript, settings: Settings, rho: Sequence[float], together: bool) -> list[float]:
    """w_t = max(1 - rho_t, 0.01), or its share of the tokens of those it shares with; context has none.

    `together`: all agents share one amount; else each agent's messages share its own.
    """
    if not settings.weigh_by_tokens:
        return [0.0 if a == CONTEXT else max(1 - r, LEAST_WEIGHT) for a, r in zip(transcript.authors, rho, strict=True)]
    own = [sum(transcript.tokens[t] for t in members) for members in transcript.members]
    totals = [sum(own)] * len(own) if together else own
    return [
        0.0 if a == CONTEXT else max(tokens / totals[a] if totals[a] else 1 - r, LEAST_WEIGHT)
        for a, tokens, r in zip(transcript.authors, transcript.tokens, rho, strict=True)
    ]


def score_evidence(q: float | None, rho: float, settings: Settings) -> float:
    """x = kappa (s - eta rho); s = q (1 - rho) if q > 0 else q; missing: 0."""
    q = q or 0.0
    return settings.kappa * ((q * (1 - rho) if q > 0 else q) - settings.eta * rho)


def sign_bounds(credit: float, sign: float, rho: float, settings: Settings) -> tuple[float, float]:
    """Bounds of PREFIX, SCORES and EQUAL: harm is not rewarded, a repeat may cost a little."""
    bound = settings.bound
    if credit >= 0:
        return (-bound, 0.0) if sign < 0 else (-min(settings.kappa * settings.eta * rho, bound), bound)
    return (0.0, bound) if sign > 0 else (-bound, 0.0)


def label_bounds(label: int, bound: float) -> tuple[float, float] | None:
    """Sign bounds of located errors and repairs, which take precedence in a success."""
    if label in BLAMED:
        return -bound, 0.0
    return (0.0, bound) if label == signals_pb2.LABEL_REPAIR else None


def allocate_success(
    transcript: Transcript,
    settings: Settings,
    phi: Sequence[float],
    evidence: Sequence[float],
    signs: Sequence[float] | None,
    rho: Sequence[float],
    labels: Sequence[int],
) -> Allocation:
    """One projection an agent: C = phi_i over M_i. `evidence` is x, and `signs` bound the rewards.

    Without signs the evidence is marginal: nothing but labels bounds the rewards, and all weights are equal.
    """
    count = len(transcript.authors)
    w = (
        [0.0 if a == CONTEXT else 1.0 for a in transcript.authors]
        if signs is None
        else weights(transcript, settings, rho, False)
    )
    out = Allocation(list(evidence), w, [0.0] * count, [0.0] * count, [0.0] * count)
    for agent, members in enumerate(transcript.members):
        credit = phi[agent]
        if not members:
            out.unallocated[agent] = credit
            continue
        for t in members:
            bounds = _bounds(credit, signs, rho, t, settings)
            out.low[t], out.high[t] = label_bounds(labels[t], settings.bound) or bounds
        _place(out, agent, members, credit, settings)
    return out


def allocate_outcome(
    transcript: Transcript,
    settings: Settings,
    total: float,
    evidence: Sequence[float],
    signs: Sequence[float] | None,
    rho: Sequence[float],
    labels: Sequence[int],
) -> Allocation:
    """OutcomeOnly: one projection over all agents' messages. `evidence` and `signs` as in `allocate_success`."""
    count = len(transcript.authors)
    out = Allocation(
        list(evidence), weights(transcript, settings, rho, True), [0.0] * count, [0.0] * count, [0.0] * count
    )
    players = transcript.players
    for t in players:
        bounds = _bounds(total, signs, rho, t, settings)
        out.low[t], out.high[t] = label_bounds(labels[t], settings.bound) or bounds
    if players:
        _place(out, CONTEXT, players, total, settings)
    else:
        out.unallocated[CONTEXT] = total
    return out


def _bounds(
    credit: float, signs: Sequence[float] | None, rho: Sequence[float], t: int, settings: Settings
) -> tuple[float, float]:
    return (-settings.bound, settings.bound) if signs is None else sign_bounds(credit, signs[t], rho[t], settings)


def _place(out: Allocation, owner: int, members: Sequence[int], total: float, settings: Settings) -> None:
    low, high, relaxed = relax([out.low[t] for t in members], [out.high[t] for t in members], total, settings.bound)
    if relaxed:
        out.relaxed.add(owner)
    placed = min(max(total, sum(low)), sum(high))
    rewards = project(
        [out.x[t] for t in members], [out.w[t] for t in members], low, high, placed, DUST * settings.range
    )
    for t, reward, lo, hi in zip(members, rewards, low, high, strict=True):
        out.rewards[t], out.low[t], out.high[t] = reward, lo, hi
    rest = total - placed
    out.unallocated[owner] = rest if abs(rest) > DUST * settings.range else 0.0
