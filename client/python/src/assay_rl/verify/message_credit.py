"""Counterfactual credit of messages (proto/signals.md, "Credit of messages")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay_rl.v1 import options_pb2

from .agent_credit import Credit
from .games import owen, owen_cost
from .questions import LARGEST_TABLE, Answers
from .settings import Settings
from .transcript import Transcript


def messages_asked(transcript: Transcript, settings: Settings, answers: Answers) -> bool:
    """Whether credit inside the agents rests on questions about messages, in a success or a failure."""
    if settings.evidence != options_pb2.EVIDENCE_AUTO:
        return settings.evidence == options_pb2.EVIDENCE_OWEN
    if any(q.kind in ("messages", "owen") for q in answers.asked):
        return True
    if settings.evaluator == "outcome" or "messages" not in settings.supports:
        return False
    counts = [len(m) for m in transcript.members]
    # With one message an agent every kind of evidence yields the agent's credit: nothing is asked for it.
    indifferent = all(count <= 1 for count in counts)
    cost = owen_cost(sum(map(bool, counts)), counts)
    left = settings.max_questions - (1 << len(counts)) if settings.max_questions else LARGEST_TABLE
    return settings.free and not indifferent and cost <= min(left, LARGEST_TABLE)


@dataclass(frozen=True)
class MessageCredit:
    """u of every message, 0 on context. `owen`: Owen values; else equal shares of the agents' credit."""

    values: list[float]
    owen: bool


def message_credit(
    transcript: Transcript, settings: Settings, answers: Answers, values: Credit, given: Sequence[float]
) -> MessageCredit | None:
    """None without counterfactuals. `given`: as published, where Owen values are sampled."""
    if not values.shapley:
        return None
    if messages_asked(transcript, settings, answers):
        return MessageCredit(_owen(transcript, answers, given), True)
    credit = [0.0] * len(transcript.authors)
    for members, phi in zip(transcript.members, values.values, strict=True):
        for t in members:
            credit[t] = phi / len(members)
    # An only message's Owen value is its author's credit.
    return MessageCredit(credit, all(len(members) <= 1 for members in transcript.members))


def _owen(transcript: Transcript, answers: Answers, given: Sequence[float]) -> list[float]:
    if not answers.has_parts():
        return list(given)
    out = [0.0] * len(transcript.authors)
    counts = [len(m) for m in transcript.members]
    for members, values in zip(transcript.members, owen(answers.part, len(counts), counts), strict=True):
        for t, value in zip(members, values, strict=True):
            out[t] = value
    return out
