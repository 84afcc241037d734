"""One episode's signals from record and episode: the second implementation of proto/signals.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from . import blame
from .agent_credit import Credit, credit
from .allocation import DUST, Allocation, allocate_outcome, allocate_success, score_evidence
from .games import interactions
from .locate import Located, claim_of, locate
from .message_credit import MessageCredit, message_credit, messages_asked
from .nodes import Change, node_values, value_changes
from .posterior import Posterior, infer
from .questions import Answers
from .redundancy import redundancies
from .settings import Settings
from .transcript import CONTEXT, Transcript

UNLUCKY = (signals_pb2.EVIDENCE_TIER_NONE, signals_pb2.EVIDENCE_TIER_TEXT)  # too little to claim luck


@dataclass(frozen=True)
class Case:
    """What the rewards are made of."""

    transcript: Transcript
    settings: Settings
    answers: Answers
    values: Credit
    located: Located
    rho: list[float]
    credit: MessageCredit | None  # of messages; None without counterfactuals

    @property
    def shortfall(self) -> float:
        return min(0.0, self.values.score - self.settings.reference)


def evidence_kind(case: Case, evidence: int, nodes: Sequence[float | None]) -> int:
    """Which evidence a success rests on: as asked, else the first that applies."""
    if evidence != options_pb2.EVIDENCE_AUTO:
        return evidence
    if messages_asked(case.transcript, replace(case.settings, evidence=evidence), case.answers):
        return options_pb2.EVIDENCE_OWEN
    if all(nodes[t] is not None and nodes[t + 1] is not None for t in case.transcript.players):
        return options_pb2.EVIDENCE_PREFIX
    # Vote replay judges messages where Owen values are out of reach; its judgements are among the answers.
    return options_pb2.EVIDENCE_SCORES if any(case.transcript.scores) else options_pb2.EVIDENCE_EQUAL


def success_evidence(
    case: Case, kind: int, nodes: Sequence[float | None]
) -> tuple[list[float], Sequence[float] | None]:
    """x_t of a success, and whether each message helped (above 0) or harmed (below 0).

    Marginal contributions, in which sign and redundancy are contained, have None in place of the signs.
    """
    if kind == options_pb2.EVIDENCE_OWEN and case.credit is not None:
        return list(case.credit.values), None
    x = [0.0] * len(case.transcript.authors)
    for t in case.transcript.players:
        before, after = nodes[t], nodes[t + 1]
        if kind == options_pb2.EVIDENCE_PREFIX and before is not None and after is not None:
            x[t] = after - before
        elif kind == options_pb2.EVIDENCE_SCORES:
            x[t] = score_evidence(case.located.scores[t], case.rho[t], case.settings)
    return x, x if kind == options_pb2.EVIDENCE_PREFIX else [q or 0.0 for q in case.located.scores]


def allocate(case: Case) -> tuple[Allocation, int]:
    """Rewards of all messages, and the kind of evidence they rest on."""
    if case.values.score < case.settings.theta:
        return _allocate_failure(case), _failure_kind(case)
    return _allocate_success(case, case.settings.evidence)


def _allocate_success(case: Case, evidence: int) -> tuple[Allocation, int]:
    values, settings, located = case.values, case.settings, case.located
    nodes = node_values(case.transcript, settings, case.answers, values.score)
    kind = evidence_kind(case, evidence, nodes)
    x, signs = success_evidence(case, kind, nodes)
    if values.shapley:
        return allocate_success(case.transcript, settings, values.values, x, signs, case.rho, located.labels), kind
    total = values.score - settings.low
    return allocate_outcome(case.transcript, settings, total, x, signs, case.rho, located.labels), kind


def _failure_kind(case: Case) -> int:
    """As asked, else the first kind that is part of the evidence."""
    if case.settings.evidence != options_pb2.EVIDENCE_AUTO:
        return case.settings.evidence
    if case.located.from_values:
        return options_pb2.EVIDENCE_PREFIX
    if any(q is not None for q in case.located.scores):
        return options_pb2.EVIDENCE_SCORES
    owen = case.credit is not None and case.credit.owen
    return options_pb2.EVIDENCE_OWEN if owen else options_pb2.EVIDENCE_EQUAL


def _allocate_failure(case: Case) -> Allocation:
    located, posterior = case.located, case.located.posterior
    lucky = located.tier not in UNLUCKY
    hard = _share_out(case, posterior, located.labels, posterior.environment if lucky else 0.0)
    if not case.settings.soft:
        return hard
    # The mixture over the first error; what is published as evidence stays that of the hard rewards.
    nothing = [signals_pb2.LABEL_NEUTRAL] * len(located.labels)
    parts: list[tuple[float, Allocation]] = []
    if located.evidence.success is None or located.tier == signals_pb2.EVIDENCE_TIER_NONE:
        parts.append((1.0, _share_out(case, posterior, nothing, posterior.environment if lucky else 0.0)))
    else:
        parts += _parts_by_message(case)
        if lucky:
            parts.append((posterior.environment, _share_out(case, posterior, nothing, 1.0)))
        rest = max(0.0, 1 - sum(mass for mass, _ in parts))
        parts.append((rest, _share_out(case, posterior, nothing, 0.0)))
    hard.rewards = [sum(mass * part.rewards[t] for mass, part in parts) for t in range(len(nothing))]
    hard.unallocated = {CONTEXT: sum(mass * part.unallocated.get(CONTEXT, 0.0) for mass, part in parts)}
    hard.relaxed = {CONTEXT} if any(mass > DUST and part.relaxed for mass, part in parts) else set()
    return hard


def _parts_by_message(case: Case) -> list[tuple[float, Allocation]]:
    """One part of the mixture for each message that may have been the first error."""
    located, transcript = case.located, case.transcript
    parts: list[tuple[float, Allocation]] = []
    for t, mass in enumerate(located.posterior.first):
        right = located.grades[t] == signals_pb2.ANSWER_GRADE_RIGHT
        if mass <= 0 or (right and not located.claim.strong):
            continue
        given = infer(transcript, case.settings, located.evidence, t)
        claim = claim_of(given, case.settings, located.evidence, located.tier, transcript, located.grades)
        claim = replace(claim, first=t)
        labels = [
            blame.label(s, claim, given, transcript, located.scores, located.grades) for s in range(len(located.labels))
        ]
        labels[t] = signals_pb2.LABEL_FIRST_ERROR
        parts.append((mass, _share_out(case, given, labels, 0.0)))
    return parts


def _share_out(case: Case, posterior: Posterior, labels: Sequence[int], environment: float) -> Allocation:
    located, transcript, settings = case.located, case.transcript, case.settings
    asked, values = settings.evidence, located.from_values
    if asked == options_pb2.EVIDENCE_SCORES:
        values = False
    blamed = asked in (options_pb2.EVIDENCE_AUTO, options_pb2.EVIDENCE_PREFIX, options_pb2.EVIDENCE_SCORES)
    credited = case.credit is not None and asked in (options_pb2.EVIDENCE_AUTO, options_pb2.EVIDENCE_OWEN)
    x = blame.blame_evidence(transcript, settings, labels, posterior, located.scores, case.rho, values)
    failure = blame.Failure(
        shortfall=case.shortfall,
        labels=labels,
        grades=located.grades,
        blame=x if blamed else [0.0] * len(x),
        credit=case.credit.values if case.credit is not None and credited else None,
        first=posterior.first if blamed and located.tier != signals_pb2.EVIDENCE_TIER_NONE else None,
        error=posterior.error,
        environment=environment,
    )
    return blame.allocate_failure(transcript, settings, failure)


@dataclass(frozen=True)
class Expected:
    """Everything that EpisodeSignals holds, computed again."""

    transcript: Transcript
    settings: Settings
    answers: Answers
    credit: Credit
    message_credit: MessageCredit | None
    located: Located
    changes: list[Change | None]
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
    if published is not None and settings.reads_texts:
        by_index = {m.index: m.prior for m in published.audit.messages}
        given_prior = [by_index.get(t, 0.0) for t in range(len(transcript.authors))]
    located = locate(episode, transcript, settings, answers, values, given_prior)
    if labels is not None:
        located = replace(located, labels=list(labels))
    given = [0.0] * len(transcript.authors)
    for m in published.messages if published is not None else ():
        if 0 <= m.index < len(given):
            given[m.index] = m.credit
    shares = message_credit(transcript, settings, answers, values, given)
    case = Case(transcript, settings, answers, values, located, redundancies(transcript, settings.shingles), shares)
    allocation, kind = allocate(case)
    if not values.shapley:
        shared = allocation
        if values.score < settings.theta:
            shared, _ = _allocate_success(case, options_pb2.EVIDENCE_AUTO)
        sums = [sum(shared.rewards[t] for t in members) for members in transcript.members]
        values = replace(values, values=sums)
    pairs = interactions(values.table, len(transcript.agents)) if values.table is not None else None
    return Expected(
        transcript=transcript,
        settings=settings,
        answers=answers,
        credit=values,
        message_credit=shares,
        located=located,
        changes=value_changes(transcript, settings, answers, located.evidence),
        rho=case.rho,
        allocation=allocation,
        kind=kind,
        interactions=pairs,
    )


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
