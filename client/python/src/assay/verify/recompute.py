"""One episode's signals from record and episode: the second implementation of signals.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.v1 import episode_pb2, options_pb2, signals_pb2

from . import blame
from .allocation import Allocation, allocate_outcome, allocate_success, score_evidence
from .games import interactions, owen, owen_cost, shapley
from .posterior import Evidence, Posterior, infer, log_ratios, prior
from .questions import Answers
from .redundancy import redundancies
from .settings import Settings
from .transcript import Transcript

BARE_TRIALS = 4  # what a prefix value without rollouts counts as
OWEN_LIMIT = 1 << 20


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


@dataclass(frozen=True)
class Located:
    """Where it went wrong: posterior, claim, tier of evidence and labels."""

    posterior: Posterior | None
    claim: blame.Claim
    tier: int
    labels: list[int]
    scores: list[float | None]
    ratios: list[float]
    prior: list[float]
    from_values: bool


def credit(
    episode: episode_pb2.Episode, settings: Settings, answers: Answers, published: signals_pb2.EpisodeSignals | None
) -> Credit:
    """Section 2. Without a full table the published credits stand in (their invariants are checked apart)."""
    n = len(episode.agents)
    has_score = episode.outcome.HasField("score")
    if settings.evaluator == "outcome":
        score = episode.outcome.score if has_score else settings.low
        return Credit(score, settings.low, score, [0.0] * n, True, False, None)
    table = answers.table() if n <= 20 else None
    grand, baseline = answers.coalition((1 << n) - 1), answers.coalition(0)
    if table is not None:
        grand, baseline = table[-1], table[0]
    if grand is None or baseline is None:
        raise KeyError("coalition {} or all agents")
    score = episode.outcome.score if has_score else grand
    exact = table is not None and settings.method in (options_pb2.METHOD_AUTO, options_pb2.METHOD_EXACT)
    if exact and table is not None:
        return Credit(score, baseline, grand, shapley(table, n), True, True, table)
    values = [agent.credit for agent in published.agents] if published else []
    return Credit(score, baseline, grand, values, False, True, None)


def node_values(transcript: Transcript, settings: Settings, answers: Answers, score: float) -> list[float | None]:
    """V_j where it is known: prefix value, else mean of the node's rollouts; V_T = y."""
    out: list[float | None] = []
    asked = answers.nodes(len(transcript.authors))
    for j, value in enumerate(transcript.prefix_values):
        if value is None:
            successes, trials = _rollouts(transcript, settings, j, asked.get(j, []))
            value = settings.low + settings.range * successes / trials if trials else None
        out.append(value)
    return [*out, score]


def _rollouts(transcript: Transcript, settings: Settings, j: int, asked: Sequence[object]) -> tuple[float, float]:
    successes, trials = transcript.rollouts[j]
    total = float(trials)
    for question in asked:
        samples = max(getattr(question, "samples", 1), 1)
        successes += samples * (getattr(question, "mean", 0.0) - settings.low) / settings.range
        total += samples
    return successes, total


def locate(
    episode: episode_pb2.Episode,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    given_prior: Sequence[float] | None,
) -> Located:
    """Section 5 up to the labels. A fitted prior comes from the record."""
    count = len(transcript.authors)
    success, truncated = values.score >= settings.theta, episode.outcome.truncated
    scores = [transcript.judged(t) for t in range(count)]
    ratios = log_ratios(transcript, settings)
    pi = (
        list(given_prior)
        if given_prior is not None
        else prior(transcript, values.values if values.shapley else None, settings.range)
    )
    asked = answers.nodes(count)
    rollouts: list[tuple[float, float]] = []
    for j in range(count):
        pair = _rollouts(transcript, settings, j, asked.get(j, []))
        bare = transcript.prefix_values[j]
        if not pair[1] and bare is not None:
            pair = (BARE_TRIALS * (bare - settings.low) / settings.range, BARE_TRIALS)
        rollouts.append(pair)
    rollouts.append((0.0, 0.0))
    from_values = any(trials for _, trials in rollouts)
    start: float | None = transcript.prefix_values[0] if count else None
    if start is None and rollouts[0][1]:
        start = settings.low + settings.range * rollouts[0][0] / rollouts[0][1]
    posterior = infer(
        transcript,
        settings,
        Evidence(
            prior=pi,
            ratios=ratios,
            rollouts=rollouts,
            annotated=transcript.annotated,
            success=None if truncated else success,
            outcome=values.score,
            start_value=None if start is None else (start - settings.low) / settings.range,
        ),
    )
    tier = _tier(transcript, settings, ratios, from_values)
    statements = transcript.annotated is not None or from_values or any(transcript.repairs)
    may_claim = tier != signals_pb2.EVIDENCE_TIER_NONE and not truncated and (statements or not success)
    suspects = [statements or ratio > 0 or bool(settings.prior) for ratio in ratios]
    claim = _claim(posterior, settings, suspects if may_claim else [False] * count)
    labels: list[int]
    if posterior is None or truncated:
        labels = [signals_pb2.LABEL_NEUTRAL] * count
    elif success and not statements:
        labels = [signals_pb2.LABEL_NEUTRAL if (q or 0) < 0 else signals_pb2.LABEL_SOUND for q in scores]
    else:
        labels = [blame.label(t, claim, posterior, transcript, scores) for t in range(count)]
    return Located(posterior, claim, tier, labels, scores, ratios, pi, from_values)


def _tier(transcript: Transcript, settings: Settings, ratios: Sequence[float], from_values: bool) -> int:
    if transcript.annotated is not None:
        return signals_pb2.EVIDENCE_TIER_ANNOTATION
    if from_values:
        return signals_pb2.EVIDENCE_TIER_ROLLOUTS
    if any(ratios):
        return signals_pb2.EVIDENCE_TIER_SCORES
    return signals_pb2.EVIDENCE_TIER_TEXT if settings.prior else signals_pb2.EVIDENCE_TIER_NONE


def _claim(posterior: Posterior | None, settings: Settings, suspects: Sequence[bool]) -> blame.Claim:
    """What is left over when all others were judged good is no suspect: something must speak against a message."""
    if posterior is None:
        return blame.Claim(None, None)

    def claimed(mass: Sequence[float]) -> int | None:
        best = max(range(len(mass)), key=lambda t: mass[t], default=None)
        return best if best is not None and mass[best] >= settings.confidence and suspects[best] else None

    return blame.Claim(claimed(posterior.first), claimed(posterior.decisive))


def evidence_kind(transcript: Transcript, settings: Settings, answers: Answers, nodes: Sequence[float | None]) -> int:
    """Which evidence a success rests on: as asked, else the first that applies."""
    if settings.evidence != options_pb2.EVIDENCE_AUTO:
        return settings.evidence
    counts = [len(m) for m in transcript.members]
    if settings.evaluator != "outcome" and "messages" in settings.supports:
        affordable = settings.free and owen_cost(len(counts), counts) <= OWEN_LIMIT
        if affordable or any(q.kind == "messages" for q in answers.asked):
            return options_pb2.EVIDENCE_OWEN
    if all(nodes[t] is not None and nodes[t + 1] is not None for t in transcript.players):
        return options_pb2.EVIDENCE_PREFIX
    if any(transcript.scores) or answers.votes is not None:
        return options_pb2.EVIDENCE_SCORES
    return options_pb2.EVIDENCE_EQUAL


def success_evidence(
    kind: int,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    nodes: Sequence[float | None],
    scores: Sequence[float | None],
    rho: Sequence[float],
) -> list[float]:
    """x_t of section 4."""
    x = [0.0] * len(transcript.authors)
    if kind == options_pb2.EVIDENCE_OWEN:
        counts = [len(m) for m in transcript.members]
        for members, values in zip(transcript.members, owen(answers.part, len(counts), counts), strict=True):
            for t, value in zip(members, values, strict=True):
                x[t] = value
    elif kind == options_pb2.EVIDENCE_PREFIX:
        for t in transcript.players:
            before, after = nodes[t], nodes[t + 1]
            x[t] = after - before if before is not None and after is not None else 0.0
    elif kind == options_pb2.EVIDENCE_SCORES:
        for t in transcript.players:
            x[t] = score_evidence(scores[t], rho[t], settings)
    return x


def graded(transcript: Transcript, answers: Answers, scores: Sequence[float | None]) -> list[float | None]:
    """Process scores, or (vote replay, none given) +1 for a right answer and -1 for a wrong one."""
    votes = answers.votes
    if votes is None or any(q is not None for q in scores):
        return list(scores)
    grades = [votes.right(t) for t in range(len(scores))]
    return [None if right is None else (1.0 if right else -1.0) for right in grades]


def allocate(
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    located: Located,
    rho: Sequence[float],
) -> tuple[Allocation, int]:
    """Rewards of all messages, and the kind of evidence they rest on."""
    if values.score < settings.theta:
        return _allocate_failure(transcript, settings, values, located, rho), _failure_kind(transcript, located)
    nodes = node_values(transcript, settings, answers, values.score)
    kind = evidence_kind(transcript, settings, answers, nodes)
    scores = graded(transcript, answers, located.scores)
    x = success_evidence(kind, transcript, settings, answers, nodes, scores, rho)
    if values.shapley:
        return allocate_success(transcript, settings, kind, values.values, x, scores, rho, located.labels), kind
    total = values.score - settings.low
    return allocate_outcome(transcript, settings, kind, total, x, scores, rho, located.labels), kind


def _failure_kind(transcript: Transcript, located: Located) -> int:
    if located.from_values:
        return options_pb2.EVIDENCE_PREFIX
    return options_pb2.EVIDENCE_SCORES if any(transcript.scores) else options_pb2.EVIDENCE_EQUAL


def _allocate_failure(
    transcript: Transcript, settings: Settings, values: Credit, located: Located, rho: Sequence[float]
) -> Allocation:
    shortfall = min(0.0, values.score - settings.reference)
    posterior = located.posterior
    found = any(label in (signals_pb2.LABEL_FIRST_ERROR, signals_pb2.LABEL_ERROR) for label in located.labels)
    if posterior is None:
        raise ValueError("the evidence contradicts itself")
    x = blame.failure_evidence(
        transcript,
        settings,
        located.labels,
        posterior,
        located.scores,
        rho,
        located.from_values,
        found,
        shortfall,
    )
    return blame.allocate_failure(
        transcript, settings, located.labels, x, posterior.error, posterior.first, found, shortfall
    )


@dataclass(frozen=True)
class Expected:
    """Everything that EpisodeSignals holds, computed again."""

    transcript: Transcript
    settings: Settings
    answers: Answers
    credit: Credit
    located: Located
    rho: list[float]
    allocation: Allocation
    kind: int  # what the rewards rest on
    interactions: dict[tuple[int, int], float] | None

    @property
    def success(self) -> bool:
        return self.credit.score >= self.settings.theta

    @property
    def target(self) -> float:
        """What the rewards have to add up to."""
        if not self.success:
            return min(0.0, self.credit.score - self.settings.reference)
        return self.credit.grand - self.credit.baseline


def recompute(
    episode: episode_pb2.Episode,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    published: signals_pb2.EpisodeSignals | None = None,
    labels: Sequence[int] | None = None,
) -> Expected:
    """`published` supplies what only an evaluator knew, `labels` the choice at ties. KeyError: a question lacks."""
    values = credit(episode, settings, answers, published)
    given_prior: list[float] | None = None
    if published is not None and settings.prior:
        by_index = {m.index: m.prior for m in published.audit.messages}
        given_prior = [by_index.get(t, 0.0) for t in range(len(transcript.authors))]
    located = locate(episode, transcript, settings, answers, values, given_prior)
    if labels is not None:
        located = replace(located, labels=list(labels))
    rho = redundancies(transcript, settings.shingles)
    allocation, kind = allocate(transcript, settings, answers, values, located, rho)
    if not values.shapley:
        sums = [sum(allocation.rewards[t] for t in members) for members in transcript.members]
        values = replace(values, values=sums)
    pairs = interactions(values.table, len(transcript.agents)) if values.table is not None else None
    return Expected(transcript, settings, answers, values, located, rho, allocation, kind, pairs)


def credible_set(first: Sequence[float], share: float = 0.8) -> list[int]:
    """The smallest set of messages holding `share` of the first error's mass, most probable first."""
    wanted = share * sum(first)
    out: list[int] = []
    held = 0.0
    for t in sorted(range(len(first)), key=lambda t: -first[t]):
        if held >= wanted - 1e-12 or first[t] <= 0:
            break
        out.append(t)
        held += first[t]
    return sorted(out)
