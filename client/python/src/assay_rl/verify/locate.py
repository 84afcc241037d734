"""Where it went wrong: evidence, posterior, claim and labels (proto/signals.md, "Failure")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from . import blame
from .agent_credit import Credit
from .posterior import Evidence, Posterior, infer, log_ratios, marks_apply, prior
from .questions import BARE_TRIALS, Answers, Asked
from .settings import Settings
from .transcript import CONTEXT, Transcript


@dataclass(frozen=True)
class Located:
    """Where it went wrong: posterior, claim, tier of evidence and labels."""

    posterior: Posterior
    claim: blame.Claim
    tier: int
    labels: list[int]
    scores: list[float | None]
    evidence: Evidence
    from_values: bool
    grades: list[int]  # AnswerGrade a message
    told: bool  # the posterior is published: in a success without any evidence it would only be its prior


def locate(
    episode: episode_pb2.Episode,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    given_prior: Sequence[float] | None,
) -> Located:
    """Section 5 up to the labels. A fitted prior comes from the record."""
    count, success = len(transcript.authors), values.score >= settings.theta
    scores = [transcript.judged(t) for t in range(count)]
    evidence = _evidence(episode, transcript, settings, answers, values, given_prior)
    posterior = infer(transcript, settings, evidence)
    from_values = settings.definition != options_pb2.ERROR_DEFINITION_INCORRECT_STEP and (
        any(trials for _, trials in evidence.rollouts) or bool(evidence.corrections)
    )
    tier = _tier(settings, evidence, from_values)
    votes = answers.votes
    grades = [votes.grade_of(t) if votes is not None else 0 for t in range(count)]
    claim = claim_of(posterior, settings, evidence, tier, transcript, grades)
    labels = [blame.label(t, claim, posterior, transcript, scores, grades) for t in range(count)]
    located = any(trials for _, trials in evidence.rollouts) or bool(evidence.corrections) or _statements(transcript)
    told = not success or any(s for s in transcript.scores) or located
    return Located(posterior, claim, tier, labels, scores, evidence, from_values, grades, told)


def _statements(transcript: Transcript) -> bool:
    return transcript.annotated is not None or any(t is not None for t in transcript.repairs)


def _evidence(
    episode: episode_pb2.Episode,
    transcript: Transcript,
    settings: Settings,
    answers: Answers,
    values: Credit,
    given_prior: Sequence[float] | None,
) -> Evidence:
    count, success = len(transcript.authors), values.score >= settings.theta
    known = values.values if values.shapley else None
    # What a success asks of prefixes are values to reward by, what a failure asks are rollouts to search by.
    asked = {} if success else answers.nodes(count)
    rollouts: list[tuple[float, float]] = []
    for j in range(count):
        pair = rollouts_at(transcript, answers, j, asked.get(j, []))
        bare = transcript.prefix_values[j]
        if not transcript.rollouts[j][1] and bare is not None:
            given = BARE_TRIALS * (bare - settings.low) / settings.range
            pair = (pair[0] + given, pair[1] + BARE_TRIALS)
        rollouts.append(pair)
    # A few rollouts at node 0 do not make V_0 known.
    start = transcript.prefix_values[0] if count else None
    return Evidence(
        prior=list(given_prior) if given_prior is not None else prior(transcript, known, settings.range),
        ratios=log_ratios(transcript, settings),
        rollouts=[*rollouts, (0.0, 0.0)],
        corrections=[] if success else answers.corrections(),
        annotated=transcript.annotated,
        repairs=transcript.repairs,
        definition=settings.definition,
        success=None if episode.outcome.truncated and not success else success,
        outcome=values.score,
        start_value=None if start is None else (start - settings.low) / settings.range,
    )


def _tier(settings: Settings, evidence: Evidence, from_values: bool) -> int:
    if evidence.annotated is not None or marks_apply(evidence):
        return signals_pb2.EVIDENCE_TIER_ANNOTATION
    if from_values:
        return signals_pb2.EVIDENCE_TIER_ROLLOUTS
    if any(evidence.ratios):
        return signals_pb2.EVIDENCE_TIER_SCORES
    return signals_pb2.EVIDENCE_TIER_TEXT if settings.by_text else signals_pb2.EVIDENCE_TIER_NONE


def claim_of(
    posterior: Posterior,
    settings: Settings,
    evidence: Evidence,
    tier: int,
    transcript: Transcript,
    grades: Sequence[int],
) -> blame.Claim:
    """What is left over when all others were judged good is no suspect: something must speak against a message.

    Nor is a message whose answer is right, where only scores or texts speak against it.
    """
    strong = tier >= signals_pb2.EVIDENCE_TIER_ROLLOUTS
    average = 1 / max(1, len(transcript.players))
    suspects = tuple(
        author != CONTEXT
        and (strong or (grade != signals_pb2.ANSWER_GRADE_RIGHT and (ratio > 0 or (settings.by_text and pi > average))))
        for author, grade, ratio, pi in zip(transcript.authors, grades, evidence.ratios, evidence.prior, strict=True)
    )
    located = evidence.success is not None and tier != signals_pb2.EVIDENCE_TIER_NONE
    located = located and (strong or not evidence.success)

    def claimed(mass: Sequence[float]) -> int | None:
        best = max(range(len(mass)), key=lambda t: mass[t], default=None)
        sure = located and best is not None and mass[best] >= settings.confidence and suspects[best]
        return best if sure else None

    return blame.Claim(
        first=claimed(posterior.first),
        decisive=claimed(posterior.decisive),
        context=_claimed_context(posterior, settings, located and tier >= signals_pb2.EVIDENCE_TIER_SCORES),
        success=evidence.success is True,
        located=located,
        strong=strong,
        suspects=suspects,
        by_text=settings.by_text,
    )


def _claimed_context(posterior: Posterior, settings: Settings, located: bool) -> int | None:
    """Luck is not claimed of what texts say."""
    best = max(range(len(posterior.by_context)), key=lambda t: posterior.by_context[t], default=None)
    return best if located and best is not None and posterior.by_context[best] >= settings.confidence else None


def rollouts_at(transcript: Transcript, answers: Answers, j: int, asked: Sequence[Asked]) -> tuple[float, float]:
    """(successes, trials) of node j: given with the episode and asked."""
    successes, trials = transcript.rollouts[j]
    total = float(trials)
    for question in asked:
        more, of = answers.rollouts(question)
        successes, total = successes + more, total + of
    return successes, total
