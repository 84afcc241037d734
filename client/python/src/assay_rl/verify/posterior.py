"""Where it went wrong: a chain of nodes, each High or Low, in the log domain (proto/signals.md, "Failure")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

from assay_rl.v1 import options_pb2

from .grids import Grid, log_of, node_evidence, scaled, shared
from .settings import Settings
from .transcript import CONTEXT, Transcript, logit

SCORE_CLIP = 0.02
DUST = 1e-12  # judges who cancel each other out leave rounding behind
MAX_SHARED = 1024  # messages beyond which no level is shared
RESCUED = 0.15  # how often one right message lifts a state that was Low before it


@dataclass
class Posterior:
    """Probabilities of messages (length T; 0 on context) and nodes (length T + 1)."""

    first: list[float]
    decisive: list[float]
    repair: list[float]
    error: list[float]
    stayed_high: float
    started_low: float
    environment: float  # context was the first error, or had the last word and success did not come
    by_context: list[float]  # of the environment, what a message of context has (length T; 0 on agents' messages)
    none: float  # nothing was: first, environment and none sum to 1
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
    corrections: list[tuple[int, float, float]]  # (t, successes, trials) with message t replaced by a correct one
    annotated: int | None
    repairs: tuple[int | None, ...]  # per message: the earlier one that the caller says it repaired
    definition: int
    success: bool | None  # None: cut off, nothing is known of the final node
    outcome: float
    start_value: float | None  # V_0 scaled to [0, 1]


def log_ratios(transcript: Transcript, settings: Settings) -> list[float]:
    """lambda_t = weight (logit(1 - p_t) - logit(b)); several judges add up, tempered; missing is 0."""
    out: list[float] = []
    for author, scores in zip(transcript.authors, transcript.scores, strict=True):
        if not scores or author == CONTEXT:
            out.append(0.0)
            continue
        total = 0.0
        for opinion in scores:
            p = min(max((1 + opinion.q) / 2, SCORE_CLIP), 1 - SCORE_CLIP)
            base = settings.base_rate if opinion.base_rate is None else opinion.base_rate
            total += opinion.weight * (logit(1 - p) - logit(base))
        total /= 1 + (len(scores) - 1) * settings.model.judge_correlation
        out.append(0.0 if abs(total) <= DUST else total)
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


@dataclass
class Chain:
    """Logarithms of every factor: nodes 0..T, and what each message does to the state."""

    high: list[float]
    low: list[float]
    hh: list[float]
    hl: list[float]
    lh: list[float]
    ll: list[float]

    def copy(self) -> Chain:
        return Chain(*(list(part) for part in (self.high, self.low, self.hh, self.hl, self.lh, self.ll)))


def infer(transcript: Transcript, settings: Settings, evidence: Evidence, given_first: int | None = None) -> Posterior:
    """The mixture over the levels of the episode. `given_first`: under the condition that the first error is this."""
    model = settings.model
    if not model.shared or len(transcript.authors) > MAX_SHARED:
        return _infer(transcript, settings, evidence, model.high, model.low, given_first)[0]
    parts: list[tuple[float, Posterior]] = []
    for i, (_, high) in enumerate(model.high):
        for k, (_, low) in enumerate(model.low):
            grids = shared(model.high, i, model.shared), shared(model.low, k, model.shared)
            part, evidence_of = _infer(transcript, settings, evidence, *grids, given_first)
            parts.append((log_of(high) + log_of(low) + evidence_of, part))
    top = max(value for value, _ in parts)
    weights = [exp(value - top) for value, _ in parts]
    return _mixture([(weight / sum(weights), part) for weight, (_, part) in zip(weights, parts, strict=True)])


def _mixture(parts: Sequence[tuple[float, Posterior]]) -> Posterior:
    def mean(rows: Sequence[Sequence[float]]) -> list[float]:
        return [sum(w * x for (w, _), x in zip(parts, column, strict=True)) for column in zip(*rows, strict=True)]

    return Posterior(
        first=mean([part.first for _, part in parts]),
        decisive=mean([part.decisive for _, part in parts]),
        repair=mean([part.repair for _, part in parts]),
        error=mean([part.error for _, part in parts]),
        stayed_high=sum(weight * part.stayed_high for weight, part in parts),
        started_low=sum(weight * part.started_low for weight, part in parts),
        environment=sum(weight * part.environment for weight, part in parts),
        by_context=mean([part.by_context for _, part in parts]),
        none=sum(weight * part.none for weight, part in parts),
        low=mean([part.low for _, part in parts]),
        expected=mean([part.expected for _, part in parts]),
    )


def _infer(
    transcript: Transcript, settings: Settings, evidence: Evidence, high: Grid, low: Grid, given_first: int | None
) -> tuple[Posterior, float]:
    """Forward-backward in O(T), and the log of the evidence."""
    chain, means = build_chain(transcript, settings, evidence, high, low)
    chain = _consistent(chain, evidence)
    if given_first is not None:
        if evidence.definition == options_pb2.ERROR_DEFINITION_CORRECTION_FLIPS:
            _force_decisive(chain, given_first)
        else:
            _force_first(chain, given_first)
    posterior = marginals(chain)
    assert posterior is not None, "a chain without its outcome cannot contradict itself"
    _share_first(posterior, transcript, evidence)
    posterior.expected = [
        settings.low + settings.range * ((1 - pl) * mh + pl * ml)
        for pl, (mh, ml) in zip(posterior.low, means, strict=True)
    ]
    posterior.expected[-1] = evidence.outcome
    return posterior, log_evidence(chain)


def _share_first(posterior: Posterior, transcript: Transcript, evidence: Evidence) -> None:
    """The first error is a message of an agent, the environment, or nothing. No context is blamed or thanked."""
    flips = evidence.definition == options_pb2.ERROR_DEFINITION_CORRECTION_FLIPS
    if flips:
        posterior.first = list(posterior.decisive)
    context = [t for t, author in enumerate(transcript.authors) if author == CONTEXT]
    posterior.by_context = [
        p if a == CONTEXT else 0.0 for p, a in zip(posterior.first, transcript.authors, strict=True)
    ]
    posterior.environment = sum(posterior.by_context)
    for mass in (posterior.first, posterior.decisive, posterior.repair, posterior.error):
        for t in context:
            mass[t] = 0.0
    # Success was likely to the end, context had the last word, and it did not come.
    unlucky = evidence.success is False and outcome_node(transcript, evidence) is not None
    if flips:
        posterior.environment += (1 - posterior.low[-1]) if unlucky else 0.0
        posterior.none = max(0.0, 1 - sum(posterior.first) - posterior.environment)
    else:
        posterior.environment += posterior.stayed_high if unlucky else 0.0
        posterior.none = posterior.started_low + (0.0 if unlucky else posterior.stayed_high)
    posterior.environment = min(1.0, posterior.environment)


def outcome_node(transcript: Transcript, evidence: Evidence) -> int | None:
    """The node behind the last agent's message where context follows: the outcome is one more rollout of it.

    None where an agent had the last word, which then is a function of what was said; and where rollouts say nothing.
    """
    step = evidence.definition == options_pb2.ERROR_DEFINITION_INCORRECT_STEP
    if step or not transcript.authors or transcript.authors[-1] != CONTEXT:
        return None
    return max(transcript.players, default=-1) + 1


def log_evidence(chain: Chain) -> float:
    high, low = chain.high[0], chain.low[0]
    for t, edge in enumerate(zip(chain.hh, chain.hl, chain.lh, chain.ll, strict=True)):
        hh, hl, lh, ll = edge
        high, low = (
            _add(high + hh, low + lh) + chain.high[t + 1],
            _add(low + ll, high + hl) + chain.low[t + 1],
        )
    return _add(high, low)


def build_chain(
    transcript: Transcript, settings: Settings, evidence: Evidence, high_rates: Grid, low_rates: Grid
) -> tuple[Chain, list[tuple[float, float]]]:
    """All factors, and the mean rates (High, Low) of every node."""
    model = settings.model
    high_grid = scaled(high_rates, model, evidence.start_value)
    step = evidence.definition == options_pb2.ERROR_DEFINITION_INCORRECT_STEP
    # Rollouts and corrections say nothing about a message as such.
    rollouts = [(0.0, 0.0)] * len(evidence.rollouts) if step else list(evidence.rollouts)
    rolled = outcome_node(transcript, evidence)
    if rolled is not None and evidence.success is not None:
        share = (evidence.outcome - settings.low) / settings.range
        rollouts[rolled] = (rollouts[rolled][0] + share, rollouts[rolled][1] + 1)
    high, mean_high = map(list, zip(*(node_evidence(high_grid, s, k) for s, k in rollouts), strict=True))
    low, mean_low = map(list, zip(*(node_evidence(low_rates, s, k) for s, k in rollouts), strict=True))
    high[0] += log(model.start_high)
    low[0] += log(1 - model.start_high)
    chain = Chain(high, low, *_edges(transcript, settings, evidence))
    if step:
        chain.lh = [-inf] * len(chain.lh)
    for t, successes, trials in [] if step else evidence.corrections:
        up, down = node_evidence(high_grid, successes, trials)[0], node_evidence(low_rates, successes, trials)[0]
        chain.hh[t] += up
        chain.hl[t] += up
        chain.lh[t] += up
        chain.ll[t] += _add(log(1 - RESCUED) + down, log(RESCUED) + up)
    if rolled is None and evidence.success is False:
        chain.high[-1] = -inf
    elif rolled is None and evidence.success and not step:
        chain.low[-1] = -inf
    if evidence.annotated is not None:
        _force_first(chain, evidence.annotated)
    return chain, list(zip(mean_high, mean_low, strict=True))


def _force_first(chain: Chain, t: int) -> None:
    """High up to node t, High -> Low at t."""
    for j in range(t + 1):
        chain.low[j] = -inf
    chain.hh[t] = -inf
    chain.hl[t] = 0.0


def _force_decisive(chain: Chain, t: int) -> None:
    chain.low[t] = -inf
    for j in range(t + 1, len(chain.high)):
        chain.high[j] = -inf


def _consistent(chain: Chain, evidence: Evidence) -> Chain:
    """Where statements contradict each other, the annotation stands; marks yield first, then the outcome."""
    if marks_apply(evidence):
        marked = chain.copy()
        _force_repairs(marked, evidence.repairs)
        if marginals(marked) is not None:
            return marked
    if marginals(chain) is None:
        chain.high[-1] = chain.low[-1] = 0.0
    return chain


def marks_apply(evidence: Evidence) -> bool:
    """In a success the caller's `repairs` say where it was Low."""
    step = evidence.definition == options_pb2.ERROR_DEFINITION_INCORRECT_STEP
    return evidence.success is True and not step and any(t is not None for t in evidence.repairs)


def _force_repairs(chain: Chain, repairs: Sequence[int | None]) -> None:
    """Low from each repaired message to the last one that repaired it, High just before and just after."""
    is_low = [False] * len(chain.high)
    for t, repaired in enumerate(repairs):
        if repaired is not None:
            is_low[repaired + 1 : t + 1] = [True] * (t - repaired)
    for j, low in enumerate(is_low):
        if low:
            chain.high[j] = -inf
        elif (j and is_low[j - 1]) or (j + 1 < len(is_low) and is_low[j + 1]):
            chain.low[j] = -inf


def marginals(chain: Chain) -> Posterior | None:
    """None where the factors contradict each other (probability 0)."""
    count = len(chain.hh)
    hh, hl, lh, ll = chain.hh, chain.hl, chain.lh, chain.ll
    a_high, a_low, stay_high = [chain.high[0]], [chain.low[0]], [chain.high[0]]
    for t in range(count):
        a_high.append(_add(a_high[t] + hh[t], a_low[t] + lh[t]) + chain.high[t + 1])
        a_low.append(_add(a_low[t] + ll[t], a_high[t] + hl[t]) + chain.low[t + 1])
        stay_high.append(stay_high[t] + hh[t] + chain.high[t + 1])
    b_high, b_low, stay_low = [0.0] * (count + 1), [0.0] * (count + 1), [0.0] * (count + 1)
    for t in reversed(range(count)):
        next_high, next_low = chain.high[t + 1] + b_high[t + 1], chain.low[t + 1] + b_low[t + 1]
        b_high[t] = _add(hh[t] + next_high, hl[t] + next_low)
        b_low[t] = _add(ll[t] + next_low, lh[t] + next_high)
        stay_low[t] = stay_low[t + 1] + ll[t] + chain.low[t + 1]
    total = _add(a_high[count], a_low[count])
    if total == -inf:
        return None

    def share(value: float) -> float:
        return exp(value - total)

    edges = range(count)
    low = [share(a_low[j] + b_low[j]) for j in range(count + 1)]
    return Posterior(
        first=[share(stay_high[t] + hl[t] + chain.low[t + 1] + b_low[t + 1]) for t in edges],
        decisive=[share(a_high[t] + hl[t] + chain.low[t + 1] + stay_low[t + 1]) for t in edges],
        repair=[share(a_low[t] + lh[t] + chain.high[t + 1] + b_high[t + 1]) for t in edges],
        error=[share(a_high[t] + hl[t] + chain.low[t + 1] + b_low[t + 1]) for t in edges],
        stayed_high=share(stay_high[count]),
        started_low=low[0],
        environment=0.0,
        by_context=[0.0] * count,
        none=0.0,
        low=low,
        expected=[],
    )


def _edges(
    transcript: Transcript, settings: Settings, evidence: Evidence
) -> tuple[list[float], list[float], list[float], list[float]]:
    """log P of High->High, High->Low, Low->High, Low->Low on every message, the message's evidence included."""
    players = len(transcript.players)
    context = max(1, len(transcript.authors) - players)
    model = settings.model
    share, repair = model.propagated, model.repair_rate / max(1, players)
    worse, better = model.context_error_rate / context, model.context_repair_rate / context
    if evidence.definition == options_pb2.ERROR_DEFINITION_INCORRECT_STEP:
        worse = better = 0.0  # context cannot be wrong as a step
    hh: list[float] = []
    hl: list[float] = []
    lh: list[float] = []
    ll: list[float] = []
    for author, pi, ratio in zip(transcript.authors, evidence.prior, evidence.ratios, strict=True):
        if author == CONTEXT:
            hh.append(-worse)
            hl.append(log_of(1 - exp(-worse)))
            lh.append(log_of(1 - exp(-better)))
            ll.append(-better)
            continue
        hh.append(-model.error_rate * pi)
        hl.append(log_of(1 - exp(-model.error_rate * pi)) + ratio)
        lh.append(log_of(1 - exp(-repair)))
        ll.append(-repair + log(1 - share + share * exp(ratio)))
    return hh, hl, lh, ll
