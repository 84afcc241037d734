"""The questions an audit records, and the values they give the game."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from google.protobuf import json_format

from assay_rl.v1 import episode_pb2, signals_pb2

from .games import owen_cost, owen_sets
from .settings import Settings
from .transcript import Transcript, read
from .votes import VoteReplay

SIMPLE = {"counterfactual", "mean", "samples", "variance"}
BARE_TRIALS = 4.0  # what a value without rollouts counts as
MOST_TRIALS = 16.0  # that one sample can count as
LARGEST_TABLE = 1 << 20  # and the most questions that exact Owen values may take
NOTHING: dict[str, Any] = {"table": [], "tableSha256": "", "messageScores": [], "scorer": False, "cached": False}
TABLES = {"all_coalitions": "all", "owen_sets": "owen"}


@dataclass(frozen=True)
class Asked:
    """One question. `key` is a mask of agents or messages, a prefix length or a message index.

    "all" asks for the values of all coalitions at once, "owen" for those of all sets of messages that exact Owen values
    take: the answer is `table`, or only `table_sha256` where the table is large or stands in the episode.
    "message_scores" has `scores`, one a message. A rollout that `failed` has no value: `samples` is how many were asked
    for.
    """

    kind: str
    key: int
    mean: float = 0.0
    samples: int = 1
    variance: float = 0.0
    table: tuple[float, ...] = ()
    table_sha256: bytes = b""
    scores: tuple[float, ...] = ()
    scorer: bool = False
    cached: bool = False
    failed: bool = False


def _mask(items: Iterable[int]) -> int:
    mask = 0
    for item in items:
        bit = 1 << item
        if bit <= mask:
            raise ValueError(f"{list(items)} is not ascending")
        mask |= bit
    return mask


def decode(record: Mapping[str, Any], into: signals_pb2.AskedQuestion) -> Asked:
    """Reads one AskedQuestion of the proto3 JSON mapping into the message and its short form.

    Raises ValueError or json_format.ParseError where it is none. There may be thousands in a result, nearly all of one
    simple form, for which the general parser is far too slow.
    """
    if not _decode_simple(record, into):
        json_format.ParseDict(dict(record), into)
    ask = into.counterfactual
    kind = ask.WhichOneof("kind")
    key = 0
    if kind == "coalition":
        key = _mask(ask.coalition.agents)
    elif kind == "messages":
        key = _mask(ask.messages.indices)
    elif kind == "prefix":
        key = ask.prefix.length
    elif kind == "correction":
        key = ask.correction.index
    elif kind is None:
        raise ValueError("no counterfactual")
    if key < 0:
        raise ValueError(f"{kind} {key}")
    return Asked(
        TABLES.get(kind, kind),
        key,
        into.mean,
        into.samples,
        into.variance,
        tuple(into.table),
        into.table_sha256,
        tuple(into.message_scores),
        into.scorer,
        into.cached,
        into.HasField("error"),
    )


def _decode_simple(record: Mapping[str, Any], into: signals_pb2.AskedQuestion) -> bool:
    """A coalition or messages question with numbers; False: anything else, nothing is read."""
    ask = record.get("counterfactual")
    plain = all(key in SIMPLE or (key in NOTHING and NOTHING[key] == value) for key, value in record.items())
    if not plain or not isinstance(ask, dict) or len(ask) != 1:
        return False
    ((name, body),) = ask.items()
    member = {"coalition": "agents", "messages": "indices"}.get(name)
    if member is None or not isinstance(body, dict) or set(body) - {member}:
        return False
    items = body.get(member, [])
    mean, samples, variance = record.get("mean", 0), record.get("samples", 0), record.get("variance", 0)
    numbers = type(mean) in (int, float) and type(samples) is int and type(variance) in (int, float)
    if not numbers or not isinstance(items, list) or not all(type(item) is int for item in items):
        return False
    if name == "coalition":
        into.counterfactual.coalition.SetInParent()
        into.counterfactual.coalition.agents.extend(items)
    else:
        into.counterfactual.messages.SetInParent()
        into.counterfactual.messages.indices.extend(items)
    into.mean, into.samples, into.variance = mean, samples, variance
    return True


def encode(asked: Asked, into: signals_pb2.AskedQuestion) -> None:
    """Writes the question as a message."""
    ask = into.counterfactual
    if asked.kind == "coalition":
        ask.coalition.SetInParent()
        ask.coalition.agents.extend(bits(asked.key))
    elif asked.kind == "messages":
        ask.messages.SetInParent()
        ask.messages.indices.extend(bits(asked.key))
    elif asked.kind == "prefix":
        ask.prefix.length = asked.key
        ask.prefix.SetInParent()
    elif asked.kind == "correction":
        ask.correction.index = asked.key
        ask.correction.SetInParent()
    elif asked.kind == "all":
        ask.all_coalitions.SetInParent()
    elif asked.kind == "owen":
        ask.owen_sets.SetInParent()
    else:
        ask.message_scores.SetInParent()
    into.mean, into.samples, into.variance = asked.mean, asked.samples, asked.variance
    into.table.extend(asked.table)
    into.table_sha256 = asked.table_sha256
    into.message_scores.extend(asked.scores)
    into.scorer, into.cached = asked.scorer, asked.cached
    if asked.failed:
        into.error.SetInParent()


def bits(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def table_digest(table: Sequence[float]) -> bytes:
    """SHA-256 of the table's little-endian doubles."""
    return hashlib.sha256(struct.pack(f"<{len(table)}d", *table)).digest()


def scores_asked(
    episode: episode_pb2.Episode, settings: Settings, asked: Sequence[Asked]
) -> list[Sequence[float | None]]:
    """Process scores by question, one a message; None where there is none.

    The record leaves out what a vote says of its own messages where one of them has no answer: the votes tell it again.
    """
    found: list[Sequence[float | None]] = []
    for q in asked:
        if q.kind != "message_scores":
            continue
        if not q.scores and not q.scorer and settings.evaluator == "vote":
            votes = VoteReplay(read(episode), settings, episode.task.reference_answer)
            found.append([votes.grade(t) for t in range(len(episode.messages))])
        else:
            found.append([None if isnan(score) else score for score in q.scores])
    return found


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
        self.recorded: dict[tuple[str, int], Asked] = {}
        self.repeated = False  # a noisy question was asked more than once
        for q in asked:
            if not q.failed:
                self._record(q)
        self.votes = VoteReplay(transcript, settings, episode.task.reference_answer) if self._by("vote") else None
        self._given = list(episode.values.coalition_values) if self._by("given") else []
        whole = self.recorded.get(("all", 0))
        self._whole = list(whole.table) if whole else []
        self._n = len(transcript.agents)
        self._members = transcript.members

    def _record(self, q: Asked) -> None:
        """Repeated answers about one subset are one mean of all samples."""
        before = self.recorded.get((q.kind, q.key))
        if before is not None and q.kind in ("coalition", "messages"):
            self.repeated = True
            samples = max(before.samples, 1) + max(q.samples, 1)
            mean = (max(before.samples, 1) * before.mean + max(q.samples, 1) * q.mean) / samples
            q = replace(q, mean=mean, samples=samples)
        self.recorded[q.kind, q.key] = q

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

    def recomputed_table(self, kind: str = "all") -> list[float] | None:
        """All values by vote replay or given table; None where only the evaluator knows."""
        if kind == "owen":
            return self._owen_table() if self.votes is not None else None
        return self.votes.table() if self.votes is not None else self._given or None

    def _owen_table(self) -> list[float]:
        assert self.votes is not None
        return [self.votes.messages(kept) for kept in owen_sets(self._unions())]

    def _unions(self) -> list[tuple[int, ...]]:
        return sorted(members for members in self._members if members)

    def table_size(self, kind: str) -> int:
        """How many values the answer to an "all" or "owen" question has."""
        if kind == "all":
            return 1 << self._n
        unions = self._unions()
        return owen_cost(len(unions), [len(members) for members in unions])

    def coalition(self, mask: int) -> float | None:
        value = self.recomputed("coalition", mask)
        if value is not None:
            return value
        question = self.recorded.get(("coalition", mask))
        if question is None:
            return self._whole[mask] if mask < len(self._whole) else None
        return question.mean

    def was_asked(self, mask: int) -> bool:
        """Whether the record holds an answer about the coalition."""
        return ("coalition", mask) in self.recorded or ("all", 0) in self.recorded

    def table(self) -> list[float] | None:
        """v of all 2^n coalitions, None where one is unknown."""
        if self.votes is not None:
            return self.votes.table()
        if self._given or self._whole:
            return self._given or self._whole
        if sum(q.kind == "coalition" for q in self.asked) < 1 << self._n:
            return None
        values = [self.coalition(mask) for mask in range(1 << self._n)]
        return None if any(v is None for v in values) else [v for v in values if v is not None]

    def noisy(self) -> bool:
        """Whether a variance of 0 says no more than that samples agreed (evaluator_service.proto, Answer)."""
        if self.settings.deterministic:
            return any(q.variance for q in self.asked if q.kind == "coalition")
        several = self.settings.samples_per_question > 1
        return any(q.variance or several for q in self.asked if q.kind == "coalition")

    def sampled(self, kind: str) -> bool:
        """Whether the answers of one kind are means of noisy evaluations and not exact."""
        if self.settings.deterministic:
            return False
        return self.settings.samples_per_question > 1 or any(q.variance for q in self.asked if q.kind == kind)

    def variances(self) -> list[float]:
        """Variance of every coalition's mean; 0 where the answer is exact."""
        out = [0.0] * (1 << self._n)
        floor = self.noisy() and not self.settings.deterministic
        for q in self.asked:
            if q.kind == "coalition" and q.key < len(out) and q.samples:
                out[q.key] = (q.variance or (self._by_succession(q) if floor else 0.0)) / q.samples
        return out

    def _by_succession(self, q: Asked) -> float:
        """The variance of a chance of which all samples agreed, by Laplace's rule of succession."""
        share = min(max((q.mean - self.settings.low) / self.settings.range, 0.0), 1.0)
        chance = (share * q.samples + 1) / (q.samples + 2)
        return chance * (1 - chance) * self.settings.range**2

    def part(self, others: int, agent: int, kept: int) -> float:
        """v(others in full and the messages `kept` of `agent`), for the Owen value. KeyError where it was not asked."""
        members = self._members[agent]
        if self.votes is not None:
            return self.votes.with_part(others, agent, kept)
        mask = sum(1 << t for i in range(self._n) if others >> i & 1 for t in self._members[i])
        mask |= sum(1 << members[k] for k in range(len(members)) if kept >> k & 1)
        question = self.recorded.get(("messages", mask))
        if question is None:
            raise KeyError(text("messages", mask))
        return question.mean

    def corrections(self) -> list[tuple[int, float, float]]:
        """Answered correction questions as (message, successes, trials)."""
        return [(q.key, *self.rollouts(q)) for q in self.asked if q.kind == "correction" and not q.failed]

    def rollouts(self, q: Asked) -> tuple[float, float]:
        """An answer as (successes, trials). The variance of one sample says how much more than a coin it tells.

        A single mean strictly inside the range is no rollout but a bare value.
        """
        span = self.settings.range
        mean = min(max((q.mean - self.settings.low) / span, 0.0), 1.0)
        coin, variance, trials = mean * (1 - mean), q.variance / span**2, float(max(q.samples, 1))
        if coin > 0 and variance > 0:
            trials *= min(max(coin / variance, 1.0), MOST_TRIALS)
        elif coin > 0 and trials == 1:
            trials = BARE_TRIALS
        return mean * trials, trials

    def has_parts(self) -> bool:
        """Whether everything that an exact Owen value asks was answered."""
        return self.votes is not None or all(("messages", kept) in self.recorded for kept in set(self.parts()))

    def parts(self) -> Iterator[int]:
        """Masks of messages that an exact Owen value asks; some come more than once."""
        masks = [sum(1 << t for t in members) for members in self._members]
        for agent, members in enumerate(self._members):
            unions = [0]
            for other, mask in enumerate(masks):
                if other != agent:
                    unions += [union | mask for union in unions]
            kept = [0]
            for t in members:
                kept += [part | 1 << t for part in kept]
            for part in kept:
                yield from (union | part for union in unions)

    def nodes(self, count: int) -> dict[int, list[Asked]]:
        """Answered prefix questions by node."""
        out: dict[int, list[Asked]] = {}
        for q in self.asked:
            if q.kind == "prefix" and q.key <= count and not q.failed:
                out.setdefault(q.key, []).append(q)
        return out


def coalition_text(mask: int) -> str:
    return "{" + ", ".join(str(i) for i in range(mask.bit_length()) if mask >> i & 1) + "}"


def text(kind: str, key: int) -> str:
    """A question for people: kind and what it is about."""
    return f"{kind} {coalition_text(key) if kind in ('coalition', 'messages') else key}"
