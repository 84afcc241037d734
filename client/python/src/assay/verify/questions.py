"""The questions an audit records, and the values they give the game."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.v1 import episode_pb2

from .findings import Report
from .settings import Settings
from .transcript import Transcript
from .votes import VoteReplay

FIELDS = {
    "coalition": ("agents", "coalition"),
    "messages": ("indices", "messages"),
    "prefix": ("length", "prefix"),
    "correction": ("index", "correction"),
    "messageScores": ("", "message_scores"),
    "message_scores": ("", "message_scores"),
}


@dataclass(frozen=True)
class Asked:
    """One question. `key` is a mask of agents or messages, a prefix length or a message index."""

    kind: str
    key: int
    mean: float
    samples: int = 1
    variance: float = 0.0


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or (isinstance(value, str) and not value.isdigit()):
        raise ValueError(f"{value!r} is not an index")
    return int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def decode(record: Mapping[str, Any]) -> Asked:
    """Reads one AskedQuestion of the proto3 JSON mapping. Raises ValueError where it is none."""
    unknown = set(record) - {"counterfactual", "mean", "samples", "variance"}
    counterfactual = record.get("counterfactual")
    if unknown or not isinstance(counterfactual, dict) or len(counterfactual) != 1:
        raise ValueError(f"not a question: {sorted(record)}")
    ((name, body),) = counterfactual.items()
    if name not in FIELDS or not isinstance(body, dict):
        raise ValueError(f"unknown counterfactual {name!r}")
    member, kind = FIELDS[name]
    if set(body) - {member}:
        raise ValueError(f"unknown fields in {name}: {sorted(body)}")
    if kind in ("coalition", "messages"):
        key = 0
        for item in body.get(member, ()):
            bit = 1 << _integer(item)
            if key & bit:
                raise ValueError(f"{name} names {item} twice")
            key |= bit
    else:
        key = _integer(body.get(member, 0)) if member else 0
    return Asked(
        kind,
        key,
        _number(record.get("mean", 0.0)),
        _integer(record.get("samples", 0)),
        _number(record.get("variance", 0.0)),
    )


class Answers:
    """Values by question. What the evaluator's rule gives again is computed, the rest is taken from the record."""

    def __init__(
        self,
        episode: episode_pb2.Episode,
        transcript: Transcript,
        settings: Settings,
        asked: Sequence[Asked],
    ) -> None:
        self.settings = settings
        self.asked = asked
        self.recorded = {(q.kind, q.key): q for q in asked}
        self.votes = VoteReplay(transcript, settings, episode.task.reference_answer) if self._by("vote") else None
        self._given = list(episode.values.coalition_values) if self._by("given") else []
        self._n = len(transcript.agents)
        self._members = transcript.members

    def _by(self, evaluator: str) -> bool:
        return self.settings.evaluator == evaluator

    def recomputed(self, kind: str, key: int) -> float | None:
        """The value by vote replay or given table; None where only the evaluator knows."""
        if self.votes is not None:
            if kind == "coalition":
                return self.votes.coalition(key)
            if kind == "messages":
                return self.votes.messages(key)
            return self.votes.prefix(key) if kind == "prefix" else None
        if self._given and kind == "coalition" and key < len(self._given):
            return self._given[key]
        return None

    def coalition(self, mask: int) -> float | None:
        value = self.recomputed("coalition", mask)
        if value is not None:
            return value
        question = self.recorded.get(("coalition", mask))
        return question.mean if question else None

    def table(self) -> list[float] | None:
        """v of all 2^n coalitions, None where one is unknown."""
        if self.votes is not None:
            return self.votes.table()
        if self._given:
            return self._given
        if sum(q.kind == "coalition" for q in self.asked) < 1 << self._n:
            return None
        values = [self.coalition(mask) for mask in range(1 << self._n)]
        return None if any(v is None for v in values) else [v for v in values if v is not None]

    def variances(self) -> list[float]:
        """Variance of every coalition's mean; 0 where the answer is exact."""
        out = [0.0] * (1 << self._n)
        for q in self.asked:
            if q.kind == "coalition" and q.key < len(out) and q.samples:
                out[q.key] = q.variance / q.samples
        return out

    def part(self, others: int, agent: int, kept: int) -> float:
        """v(others in full and the messages `kept` of `agent`), for the Owen value. KeyError where it was not asked."""
        members = self._members[agent]
        if kept == 0 or kept == (1 << len(members)) - 1:
            value = self.coalition(others | (1 << agent if kept else 0))
            if value is None:
                raise KeyError(f"coalition {coalition_text(others | (1 << agent if kept else 0))}")
            return value
        if self.votes is not None:
            return self.votes.with_part(others, agent, kept)
        mask = sum(1 << t for i in range(self._n) if others >> i & 1 for t in self._members[i])
        mask |= sum(1 << members[k] for k in range(len(members)) if kept >> k & 1)
        question = self.recorded.get(("messages", mask))
        if question is None:
            raise KeyError(text("messages", mask))
        return question.mean

    def parts(self) -> Iterator[int]:
        """Masks of messages that an exact Owen value asks beyond the coalitions; some come more than once."""
        masks = [sum(1 << t for t in members) for members in self._members]
        for agent, members in enumerate(self._members):
            unions = [0]
            for other, mask in enumerate(masks):
                if other != agent:
                    unions += [union | mask for union in unions]
            kept = [0]
            for t in members:
                kept += [part | 1 << t for part in kept]
            for part in kept[1:-1]:
                yield from (union | part for union in unions)

    def nodes(self, count: int) -> dict[int, list[Asked]]:
        """Answered prefix questions by node."""
        out: dict[int, list[Asked]] = {}
        for q in self.asked:
            if q.kind == "prefix" and q.key <= count:
                out.setdefault(q.key, []).append(q)
        return out


def coalition_text(mask: int) -> str:
    return "{" + ", ".join(str(i) for i in range(mask.bit_length()) if mask >> i & 1) + "}"


def check(report: Report, answers: Answers, agents: int, messages: int) -> None:
    """Every recorded question is one that can be asked, is asked once, and has the answer that its evaluator gives."""
    settings = answers.settings
    seen: set[tuple[str, int]] = set()
    on_trust = False
    tolerance = report.tolerance * settings.range
    low, high = settings.low - tolerance, settings.high + tolerance
    for k, q in enumerate(answers.asked):
        path = f"signals.audit.questions[{k}]"
        if (q.kind, q.key) in seen:
            report.wrong(path, "a question not asked before", f"{text(q.kind, q.key)} again")
        seen.add((q.kind, q.key))
        limit = {"coalition": 1 << agents, "messages": 1 << messages, "prefix": messages + 1, "correction": messages}
        if q.key >= limit.get(q.kind, 1):
            report.wrong(path, f"a {q.kind} within {agents} agents and {messages} messages", text(q.kind, q.key))
            continue
        value = answers.recomputed(q.kind, q.key)
        if value is not None:
            if abs(value - q.mean) > tolerance or q.mean != q.mean:
                report.wrong(f"{path}.mean ({text(q.kind, q.key)})", value, q.mean)
            if q.variance != 0 or q.samples > 1:
                report.wrong(f"{path}.variance", "an exact answer", f"{q.samples} samples, variance {q.variance}")
        else:
            on_trust = True
            report.true(f"{path}.mean", low <= q.mean <= high, f"within [{settings.low}, {settings.high}]", q.mean)
            report.true(f"{path}.variance", q.variance >= 0, "at least 0", q.variance)
    if on_trust:
        report.trust(f"the answers of the evaluator ({settings.evaluator})")


def text(kind: str, key: int) -> str:
    """A question for people: kind and what it is about."""
    return f"{kind} {coalition_text(key) if kind in ('coalition', 'messages') else key}"
