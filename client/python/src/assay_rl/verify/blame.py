"""Labels of messages and rewards of a failure (proto/signals.md, "Failure")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay_rl.v1.signals_pb2 import (
    ANSWER_GRADE_RIGHT,
    ANSWER_GRADE_UNSPECIFIED,
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
from .projection import project
from .settings import Settings
from .transcript import CONTEXT, Transcript

LEAST_BLAME = 0.01
KEPT = 1e-9  # weight of messages that were right in a lost cause: they keep what they have
LOCATED = (LABEL_FIRST_ERROR, LABEL_ERROR, LABEL_REPAIR)
ERRED = (LABEL_FIRST_ERROR, LABEL_ERROR, LABEL_FAILURE_ALIGNED)
REPAIRED = (LABEL_REPAIR, LABEL_REPAIR_ATTEMPT)


@dataclass(frozen=True)
class Claim:
    """What is claimed: the first and the decisive error, or nothing."""

    first: int | None
    decisive: int | None
    context: int | None  # the message of context that is claimed
    success: bool
    located: bool  # evidence locates errors; in a success scores alone do not
    strong: bool  # on rollouts or statements of the caller
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
    grades: Sequence[int],
    margin: float = 0.0,
) -> int:
    """The label of message t. `margin` moves every threshold: labels at +-1e-9 are both right at a tie.

    A label does not contradict the grade of the message's answer, but where rollouts or statements of the caller say
    that a message with the right answer was an error.
    """
    found = _plain_label(t, claim, posterior, transcript, scores, margin)
    if grades[t] == ANSWER_GRADE_RIGHT:
        against = found == LABEL_FAILURE_ALIGNED or (found in (LABEL_FIRST_ERROR, LABEL_ERROR) and not claim.strong)
    else:
        against = grades[t] != ANSWER_GRADE_UNSPECIFIED and found in (LABEL_SOUND, LABEL_REPAIR)
    return LABEL_NEUTRAL if against else found


def _plain_label(
    t: int,
    claim: Claim,
    posterior: Posterior,
    transcript: Transcript,
    scores: Sequence[float | None],
    margin: float,
) -> int:
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


def blame_evidence(
    transcript: Transcript,
    settings: Settings,
    labels: Sequence[int],
    posterior: Posterior,
    scores: Sequence[float | None],
    rho: Sequence[float],
    from_values: bool,
) -> list[float]:
    """What speaks for or against each message: the change of E[V] where values exist, else its label and score."""
    x = [0.0] * len(labels)
    for t in transcript.players:
        q = scores[t]
        if from_values:
            x[t] = posterior.expected[t + 1] - posterior.expected[t]
        elif labels[t] in (LABEL_FIRST_ERROR, LABEL_ERROR):
            x[t] = -settings.kappa
        elif q is not None:
            x[t] = settings.kappa * (q * (1 - rho[t]) if q > 0 else q)
    return x


@dataclass(frozen=True)
class Failure:
    """What a failure is shared out by. Lists run over the T messages."""

    shortfall: float  # C <= 0
    labels: Sequence[int]
    grades: Sequence[int]
    blame: Sequence[float]
    credit: Sequence[float] | None  # u; None without counterfactuals
    first: Sequence[float] | None  # None where the tier of evidence is NONE
    error: Sequence[float]
    environment: float  # 0 where luck is not claimed


def allocate_failure(transcript: Transcript, settings: Settings, failure: Failure) -> Allocation:
    """One projection of C, less what is the environment's, over all agents' messages."""
    count, players, bound = len(failure.labels), transcript.players, settings.bound
    out = Allocation([0.0] * count, [0.0] * count, [0.0] * count, [0.0] * count, [0.0] * count)
    target = failure.shortfall * (1 - failure.environment)
    if abs(target) <= DUST * settings.range:  # all of it is the environment's, but for rounding
        target = 0.0
    _fill_evidence(out, players, failure, abs(target) / 2, DUST * settings.range)
    located = any(failure.labels[t] in LOCATED for t in players)
    for t in players:
        out.low[t], out.high[t] = _bounds(failure.labels[t], failure.grades[t], out.x[t], located, bound)
        out.w[t] = _weight(t, failure, located, len(players), settings.range)
        if out.high[t] > 0:
            out.w[t] = LEAST_BLAME if located else KEPT
    least = sum(out.low[t] for t in players)
    if players and not located and target < least - 1e-12 * bound:
        # Everybody helped, and it was not enough. Nobody gains more for that: the upper bounds stay.
        out.relaxed.add(CONTEXT)
        for t in players:
            out.low[t], out.w[t] = -bound, 1 / len(players)
        least = -bound * len(players)
    placed = max(target, least) if players else 0.0
    rewards = project(
        [out.x[t] for t in players],
        [out.w[t] for t in players],
        [out.low[t] for t in players],
        [out.high[t] for t in players],
        placed,
        DUST * settings.range,
    )
    for t, reward in zip(players, rewards, strict=True):
        out.rewards[t] = reward
    rest = failure.shortfall - placed
    out.unallocated[CONTEXT] = rest if abs(rest) > DUST * settings.range else 0.0
    return out


def _fill_evidence(out: Allocation, players: Sequence[int], failure: Failure, limit: float, dust: float) -> None:
    """x = blame + credit; what speaks for messages is scaled down together to `limit`: a failure cannot be farmed."""
    for t in players:
        x = failure.blame[t] + (failure.credit[t] if failure.credit is not None else 0.0)
        out.x[t] = 0.0 if abs(x) <= dust else x
    positive = sum(max(out.x[t], 0.0) for t in players)
    if positive > limit:
        for t in players:
            if out.x[t] > 0:
                out.x[t] *= limit / positive


def _bounds(label: int, grade: int, x: float, located: bool, bound: float) -> tuple[float, float]:
    if label in ERRED:
        return -bound, 0.0
    if label in REPAIRED or grade == ANSWER_GRADE_RIGHT:  # never below 0
        return 0.0, max(x, 0.0)
    if located:  # innocent, by what is known
        return max(min(x, 0.0), -bound), max(x, 0.0)
    return (0.0, x) if x > 0 else (-bound, 0.0)  # right in a lost cause, or not


def _weight(t: int, failure: Failure, located: bool, players: int, span: float) -> float:
    """Suspicion: by the posterior where it says something, else by credit, else none: evenly."""
    if located:
        return failure.error[t] + LEAST_BLAME
    if failure.first is not None:
        return failure.first[t] + LEAST_BLAME / players
    if failure.credit is not None:
        return max(-failure.credit[t], 0.0) / span + LEAST_BLAME / players
    return 1.0
