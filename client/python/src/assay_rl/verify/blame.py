"""Labels of messages and rewards of a failure (signals.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay_rl.v1.signals_pb2 import (
    LABEL_ERROR,
    LABEL_FAILURE_ALIGNED,
    LABEL_FIRST_ERROR,
    LABEL_NEUTRAL,
    LABEL_REPAIR,
    LABEL_REPAIR_ATTEMPT,
    LABEL_SOUND,
)

from .allocation import DUST, Allocation
from .posterior import Posterior
from .projection import project, relax
from .settings import Settings
from .transcript import CONTEXT, Transcript

LEAST_BLAME = 0.01
ERRED = (LABEL_FIRST_ERROR, LABEL_ERROR, LABEL_FAILURE_ALIGNED)
REPAIRED = (LABEL_REPAIR, LABEL_REPAIR_ATTEMPT)


@dataclass(frozen=True)
class Claim:
    """What is claimed: the first and the decisive error, or nothing."""

    first: int | None
    decisive: int | None
    success: bool
    located: bool  # evidence locates errors; in a success scores alone do not
    suspects: tuple[bool, ...]  # something speaks against the message itself
    by_text: bool

    @property
    def describes(self) -> bool:
        """Whether messages that are neither error nor repair get a label of their own."""
        return self.success or self.first is not None or self.decisive is not None


def label(
    t: int,
    claim: Claim,
    posterior: Posterior,
    transcript: Transcript,
    scores: Sequence[float | None],
    margin: float = 0.0,
) -> int:
    """The label of message t. `margin` moves every threshold: labels at +-1e-9 are both right at a tie."""
    if transcript.authors[t] == CONTEXT:
        return LABEL_NEUTRAL
    half = 0.5 + margin
    was_low, is_low = posterior.low[t] > half, posterior.low[t + 1] > half
    marked, q = transcript.repairs[t] is not None, scores[t] or 0.0
    if claim.located:
        if t == claim.first:
            return LABEL_FIRST_ERROR
        repaired = claim.success and t in transcript.repairs
        if (posterior.error[t] > half and claim.suspects[t]) or t == claim.decisive or repaired:
            return LABEL_ERROR
        if posterior.repair[t] > half or (claim.describes and marked and not is_low):
            return LABEL_REPAIR
    if not claim.describes:
        return LABEL_NEUTRAL
    if claim.success and not claim.located:
        return LABEL_NEUTRAL if q < 0 else LABEL_SOUND
    if was_low and is_low:
        if marked or q > 0:
            return LABEL_REPAIR_ATTEMPT
        against = q < 0 if scores[t] is not None else claim.by_text and claim.suspects[t]
        return LABEL_FAILURE_ALIGNED if against else LABEL_NEUTRAL
    return LABEL_NEUTRAL if was_low or is_low else LABEL_SOUND


def failure_evidence(
    transcript: Transcript,
    settings: Settings,
    labels: Sequence[int],
    posterior: Posterior,
    scores: Sequence[float | None],
    rho: Sequence[float],
    from_values: bool,
    located: bool,
    shortfall: float,
) -> list[float]:
    """x_t: the change of E[V] where values exist, else by label and score; positive evidence at most |C| / 2."""
    x = [0.0] * len(labels)
    for t in transcript.players:
        q = scores[t]
        if not located:
            x[t] = settings.kappa * min(q or 0.0, 0.0)
        elif from_values:
            x[t] = posterior.expected[t + 1] - posterior.expected[t]
        elif labels[t] in (LABEL_FIRST_ERROR, LABEL_ERROR):
            x[t] = -settings.kappa
        elif q is not None:
            x[t] = settings.kappa * (q * (1 - rho[t]) if q > 0 else q)
    paid = [t for t, value in enumerate(x) if value > 0 and labels[t] in REPAIRED]
    positive, limit = sum(x[t] for t in paid), abs(shortfall) / 2
    if positive > limit:
        for t in paid:
            x[t] *= limit / positive
    return x


def allocate_failure(
    transcript: Transcript,
    settings: Settings,
    labels: Sequence[int],
    evidence: Sequence[float],
    error: Sequence[float],
    first: Sequence[float],
    located: bool,
    shortfall: float,
) -> Allocation:
    """One projection of C = min(0, y - y_ref) over all agents' messages."""
    count, players, bound = len(labels), transcript.players, settings.bound
    out = Allocation(list(evidence), [0.0] * count, [0.0] * count, [0.0] * count, [0.0] * count)
    for t in players:
        if not located:
            out.w[t] = first[t] + LEAST_BLAME / len(players)
            out.low[t] = 0.0 if labels[t] in REPAIRED else -bound
        elif labels[t] in REPAIRED:
            out.w[t], out.high[t] = LEAST_BLAME, max(evidence[t], 0.0)
        elif labels[t] in ERRED:
            out.w[t], out.low[t] = error[t] + LEAST_BLAME, -bound
        else:
            out.w[t] = LEAST_BLAME
    if not any(out.low[t] < 0 for t in players):
        out.unallocated[CONTEXT] = shortfall
        return out
    low, high, relaxed = relax([out.low[t] for t in players], [out.high[t] for t in players], shortfall, bound)
    placed = min(max(shortfall, sum(low)), sum(high))
    rewards = project(
        [out.x[t] for t in players], [out.w[t] for t in players], low, high, placed, DUST * settings.range
    )
    for t, reward, lo, hi in zip(players, rewards, low, high, strict=True):
        out.rewards[t], out.low[t], out.high[t] = reward, lo, hi
    rest = shortfall - placed
    if relaxed:
        out.relaxed.add(CONTEXT)
    out.unallocated[CONTEXT] = rest if abs(rest) > DUST * settings.range else 0.0
    return out
