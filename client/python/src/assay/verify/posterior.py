"""Where it went wrong: a chain of nodes, each High or Low, in the log domain (signals.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

from .settings import Settings
from .transcript import CONTEXT, Transcript, logit

START_HIGH = 0.97
ERROR_RATE = 1.3  # expected errors of a whole episode under the prior
HIGH_GRID = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
LOW_GRID = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
FULL_V0 = 0.65
JUDGES_SHARED = 0.5
SCORE_CLIP = 0.02


@dataclass(frozen=True)
class Posterior:
    """Probabilities of messages (length T) and nodes (length T + 1)."""

    first: list[float]
    decisive: list[float]
    repair: list[float]
    error: list[float]
    none: float
    low: list[float]  # P(Low) of every node
    expected: list[float]  # E[V_j], in the value range

    def suspects(self, transcript: Transcript) -> list[float]:
        """Mass of the first error by agent."""
        return [sum(self.first[t] for t in members) for members in transcript.members]


@dataclass(frozen=True)
class Evidence:
    """What the chain is conditioned on. Rollouts are (successes, trials) a node, in units of range."""

    prior: list[float]
    ratios: list[float]
    rollouts: list[tuple[float, float]]
    annotated: int | None
    success: bool | None  # None: cut off, nothing is known of the final node
    outcome: float
    start_value: float | None  # V_0 scaled to [0, 1]


def log_ratios(transcript: Transcript, settings: Settings) -> list[float]:
    """lambda_t = logit(1 - p_t) - logit(b); several judges add up, tempered; missing is 0."""
    base = logit(settings.base_rate)
    out: list[float] = []
    for author, scores in zip(transcript.authors, transcript.scores, strict=True):
        if not scores or author == CONTEXT:
            out.append(0.0)
            continue
        total = 0.0
        for q in scores:
            p = min(max((1 + q) / 2, SCORE_CLIP), 1 - SCORE_CLIP)
            total += logit(1 - p) - base
        out.append(total / (1 + (len(scores) - 1) * JUDGES_SHARED))
    return out


def prior(transcript: Transcript, phi: Sequence[float] | None, span: float) -> list[float]:
    """pi_t over agents' messages: uniform, or by negative credit where it is known. Sums to 1; context has 0."""
    if phi is None:
        weights = [0.0 if a == CONTEXT else 1.0 for a in transcript.authors]
    else:
        weights = [
            0.0 if a == CONTEXT else (0.05 + max(0.0, -phi[a]) / span) / len(transcript.members[a])
            for a in transcript.authors
        ]
    total = sum(weights)
    return [w / total for w in weights] if total else weights


def _add(a: float, b: float) -> float:
    """log(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == -inf else a + log1p(exp(b - a))


def _log(p: float) -> float:
    return log(p) if p > 0 else -inf


def _log_likelihood(rate: float, successes: float, failures: float) -> float:
    hit = successes * _log(rate) if successes else 0.0
    return hit + (failures * _log(1 - rate) if failures else 0.0)


def _node(rates: Sequence[float], successes: float, trials: float) -> tuple[float, float]:
    """log mean likelihood over a grid of rates, and the mean rate under it."""
    if not trials:
        return 0.0, sum(rates) / len(rates)
    logs = [_log_likelihood(rate, successes, trials - successes) for rate in rates]
    top = max(logs)
    if top == -inf:
        return -inf, 0.0
    weights = [exp(value - top) for value in logs]
    total = sum(weights)
    return top + log(total / len(rates)), sum(w * r for w, r in zip(weights, rates, strict=True)) / total


def infer(transcript: Transcript, settings: Settings, evidence: Evidence) -> Posterior | None:
    """Forward-backward in O(T). None where the evidence contradicts itself (probability 0)."""
    n_messages = len(transcript.authors)
    scale = 1.0 if evidence.start_value is None else min(1.0, evidence.start_value / FULL_V0)
    high_rates = [rate * scale for rate in HIGH_GRID]
    e_high, mean_high = map(list, zip(*(_node(high_rates, s, k) for s, k in evidence.rollouts), strict=True))
    e_low, mean_low = map(list, zip(*(_node(LOW_GRID, s, k) for s, k in evidence.rollouts), strict=True))
    if evidence.success is not None:
        (e_low if evidence.success else e_high)[n_messages] = -inf
    if evidence.annotated is not None:
        for j in range(evidence.annotated + 1):
            e_low[j] = -inf
        e_high[evidence.annotated + 1] = -inf

    hh, hl, lh, ll = _edges(transcript, settings, evidence)
    a_high, a_low = [log(START_HIGH) + e_high[0]], [log(1 - START_HIGH) + e_low[0]]
    stay_high = [a_high[0]]
    for t in range(n_messages):
        a_high.append(_add(a_high[t] + hh[t], a_low[t] + lh[t]) + e_high[t + 1])
        a_low.append(_add(a_low[t] + ll[t], a_high[t] + hl[t]) + e_low[t + 1])
        stay_high.append(stay_high[t] + hh[t] + e_high[t + 1])
    b_high, b_low, stay_low = [0.0], [0.0], [0.0]
    for t in reversed(range(n_messages)):
        next_high, next_low = e_high[t + 1] + b_high[-1], e_low[t + 1] + b_low[-1]
        b_high.append(_add(hh[t] + next_high, hl[t] + next_low))
        b_low.append(_add(ll[t] + next_low, lh[t] + next_high))
        stay_low.append(stay_low[-1] + ll[t] + e_low[t + 1])
    b_high.reverse()
    b_low.reverse()
    stay_low.reverse()
    total = _add(a_high[n_messages], a_low[n_messages])
    if total == -inf:
        return None

    def share(value: float) -> float:
        return exp(value - total)

    edges = range(n_messages)
    low = [share(a_low[j] + b_low[j]) for j in range(n_messages + 1)]
    high = [share(a_high[j] + b_high[j]) for j in range(n_messages + 1)]
    expected = [
        settings.low + settings.range * (ph * mh + pl * ml)
        for ph, mh, pl, ml in zip(high, mean_high, low, mean_low, strict=True)
    ]
    expected[n_messages] = evidence.outcome
    return Posterior(
        first=[share(stay_high[t] + hl[t] + e_low[t + 1] + b_low[t + 1]) for t in edges],
        decisive=[share(a_high[t] + hl[t] + e_low[t + 1] + stay_low[t + 1]) for t in edges],
        repair=[share(a_low[t] + lh[t] + e_high[t + 1] + b_high[t + 1]) for t in edges],
        error=[share(a_high[t] + hl[t] + e_low[t + 1] + b_low[t + 1]) for t in edges],
        none=share(stay_high[n_messages]) + low[0],
        low=low,
        expected=expected,
    )


def _edges(
    transcript: Transcript, settings: Settings, evidence: Evidence
) -> tuple[list[float], list[float], list[float], list[float]]:
    """log P of High->High, High->Low, Low->High, Low->Low on every message, the message's evidence included."""
    players = len(transcript.players)
    share = settings.propagated
    log_repair = _log(1 - exp(-1 / players)) if players else -inf
    log_no_repair = -1 / players if players else 0.0
    hh: list[float] = []
    hl: list[float] = []
    lh: list[float] = []
    ll: list[float] = []
    for author, pi, ratio in zip(transcript.authors, evidence.prior, evidence.ratios, strict=True):
        if author == CONTEXT:
            hh.append(0.0)
            hl.append(-inf)
            lh.append(-inf)
            ll.append(0.0)
            continue
        hh.append(-ERROR_RATE * pi)
        hl.append(_log(1 - exp(-ERROR_RATE * pi)) + ratio)
        lh.append(log_repair)
        ll.append(log_no_repair + log(1 - share + share * exp(ratio)))
    return hh, hl, lh, ll
