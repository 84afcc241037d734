"""One episode's signals from record and episode: the second implementation of signals.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from . import blame
from .agent_credit import Credit, credit
from .allocation import BLAMED, Allocation, allocate_outcome, allocate_success, score_evidence
from .games import interactions, owen, owen_cost
from .locate import Located, claim_of, locate
from .posterior import Posterior, infer
from .questions import LARGEST_TABLE, Answers
from .redundancy import redundancies
from .settings import Settings
from .transcript import CONTEXT, Transcript


def node_values(transcript: Transcript, settings: Settings, answers: Answers, score: float) -> list[float | None]:
    """V_j where it is known: prefix value, else mean of the node's rollouts; V_T = y."""
    out: list[float | None] = []
    asked = answers.nodes(len(transcript.authors))
    for j, value in enumerate(transcript.prefix_values):
        successes, trials = transcript.rollouts[j]
        if value is None and trials:
            value = settings.low + settings.range * successes / trials
        if value is None and asked.get(j):
            value = asked[j][0].mean
        out.append(value)
    return [*out, score]


def evidence_kind(transcript: Transcript, settings: Settings, answers: Answers, nodes: Sequence[float | None]) -> int:
    """Which evidence a success rests on: as asked, else the first that applies."""
    if settings.evidence != options_pb2.EVIDENCE_AUTO:
        return settings.evidence
    counts = [len(m) for m in transcript.members]
    # With one message an agent every kind of evidence yields the agent's credit: nothing is asked for it.
    indifferent = all(count <= 1 for count in counts)
    if settings.evaluator != "outcome" and "messages" in settings.supports:
        cost = owen_cost(sum(map(bool, counts)), counts)
        left = settings.max_questions - (1 << len(counts)) if settings.max_questions else LARGEST_TABLE
        affordable = settings.free and cost <= min(left, LARGEST_TABLE)
        if (affordable and not indifferent) or any(q.kind in ("messages", "owen") for q in answers.asked):
            return options_pb2.EVIDENCE_OWEN
    if all(nodes[t] is not None and nodes[t + 1] is not None for t in transcript.players):
        return options_pb2.EVIDENCE_PREFIX
    # Vote replay judges messages where Owen values are out of reach; its judgements are among the answers.
    return options_pb2.EVIDENCE_SCORES if any(transcript.scores) else options_pb2.EVIDENCE_EQUAL


def success_evidence(
    kind: int,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    nodes: Sequence[float | None],
    scores: Sequence[float | None],
    rho: Sequence[float],
    given: Sequence[float],
) -> list[float]:
    """x_t of section 4. `given`: as published, where Owen values are sampled."""
    x = [0.0] * len(transcript.authors)
    if kind == options_pb2.EVIDENCE_OWEN:
        if not answers.has_parts():
            return list(given)
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


def allocate(
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    located: Located,
    rho: Sequence[float],
    given_x: Sequence[float],
) -> tuple[Allocation, int]:
    """Rewards of all messages, and the kind of evidence they rest on."""
    if values.score < settings.theta:
        return _allocate_failure(transcript, settings, values, located, rho), _failure_kind(located)
    return _allocate_success(transcript, settings, answers, values, located, rho, given_x)


def _allocate_success(
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    located: Located,
    rho: Sequence[float],
    given_x: Sequence[float],
    plain: bool = False,
) -> tuple[Allocation, int]:
    """`plain`: by the first evidence that applies, whatever the options ask for."""
    nodes = node_values(transcript, settings, answers, values.score)
    asked = options_pb2.EVIDENCE_AUTO if plain else settings.evidence
    kind = evidence_kind(transcript, replace(settings, evidence=asked), answers, nodes)
    scores = located.scores
    x = success_evidence(kind, transcript, settings, answers, nodes, scores, rho, given_x)
    if values.shapley:
        return allocate_success(transcript, settings, kind, values.values, x, scores, rho, located.labels), kind
    total = values.score - settings.low
    return allocate_outcome(transcript, settings, kind, total, x, scores, rho, located.labels), kind


def _failure_kind(located: Located) -> int:
    """Values speak where an error is located; where none is, only scores tell the suspects apart."""
    if located.from_values and any(label in BLAMED for label in located.labels):
        return options_pb2.EVIDENCE_PREFIX
    scored = any(q is not None for q in located.scores)
    return options_pb2.EVIDENCE_SCORES if scored else options_pb2.EVIDENCE_EQUAL


def _allocate_failure(
    transcript: Transcript, settings: Settings, values: Credit, located: Located, rho: Sequence[float]
) -> Allocation:
    shortfall = min(0.0, values.score - settings.reference)
    posterior, labels = located.posterior, located.labels
    hard = _blame(transcript, settings, located, posterior, labels, rho, shortfall)
    if not settings.soft:
        return hard
    # The mixture over the first error; what is published as evidence stays that of the hard rewards.
    parts: list[tuple[float, Allocation]] = []
    for t, mass in enumerate(posterior.first if located.evidence.success is False else ()):
        if mass <= 0:
            continue
        given = infer(transcript, settings, located.evidence, t)
        claim = replace(
            claim_of(given, settings, located.evidence, located.tier, transcript),
            first=t,
        )
        own = [blame.label(s, claim, given, transcript, located.scores) for s in range(len(labels))]
        own[t] = signals_pb2.LABEL_FIRST_ERROR
        parts.append((mass, _blame(transcript, settings, located, given, own, rho, shortfall)))
    nothing = [signals_pb2.LABEL_NEUTRAL] * len(labels)
    rest = max(0.0, 1 - sum(mass for mass, _ in parts))
    parts.append((rest, _blame(transcript, settings, located, posterior, list(nothing), rho, shortfall)))
    hard.rewards = [sum(mass * part.rewards[t] for mass, part in parts) for t in range(len(labels))]
    hard.unallocated = {CONTEXT: sum(mass * part.unallocated.get(CONTEXT, 0.0) for mass, part in parts)}
    return hard


def _blame(
    transcript: Transcript,
    settings: Settings,
    located: Located,
    posterior: Posterior,
    labels: Sequence[int],
    rho: Sequence[float],
    shortfall: float,
) -> Allocation:
    found = any(label in BLAMED for label in labels)
    scores, from_values = located.scores, located.from_values
    x = blame.failure_evidence(transcript, settings, labels, posterior, scores, rho, from_values, found, shortfall)
    return blame.allocate_failure(transcript, settings, labels, x, posterior.error, posterior.first, found, shortfall)


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
    if published is not None and settings.by_text:
        by_index = {m.index: m.prior for m in published.audit.messages}
        given_prior = [by_index.get(t, 0.0) for t in range(len(transcript.authors))]
    located = locate(episode, transcript, settings, answers, values, given_prior)
    if labels is not None:
        located = replace(located, labels=list(labels))
    rho = redundancies(transcript, settings.shingles)
    given_x = [0.0] * len(transcript.authors)
    for m in published.audit.messages if published is not None else ():
        if 0 <= m.index < len(given_x):
            given_x[m.index] = m.evidence
    allocation, kind = allocate(transcript, settings, answers, values, located, rho, given_x)
    if not values.shapley:
        shared = allocation
        if values.score < settings.theta:
            shared, _ = _allocate_success(transcript, settings, answers, values, located, rho, [], plain=True)
        sums = [sum(shared.rewards[t] for t in members) for members in transcript.members]
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
