"""The client's side of the stream as a state machine without input or output.

A Session says what to send next and what a response means. It outlives connections: what a lost one left unanswered is
sent again on the next, with all episodes of every unanswered group, and results that come twice are delivered once.
It knows neither gRPC calls nor threads nor clocks; one thread (or loop) at a time may use it.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import EncodeError

from assay_rl.client.episodes import EpisodeLike, to_proto
from assay_rl.client.outcomes import Error, Failed, GroupFailed, Outcome, episode_outcome, group_outcome
from assay_rl.v1 import episode_pb2, evaluator_service_pb2, options_pb2, signal_service_pb2

Sink = Callable[[Outcome], None]

_MAX_RETRIES = 8  # of one episode that the server asked to send again later


@dataclass(slots=True, eq=False)
class Entry:
    """An episode from hand-over until neither it nor its group can be asked for again."""

    sequence: int
    id: str
    request: bytes
    source: EpisodeLike
    sink: Sink
    deadline: float
    group: GroupEntry | None = None
    delivered: bool = False
    in_flight: bool = False
    retries: int = 0
    counted: bool = False  # answered so that its group on the server waits for it no more


@dataclass(slots=True, eq=False)
class GroupEntry:
    """A group that is unanswered. One that came with the id of a full one waits until that is answered."""

    id: str
    size: int  # 0: not announced
    sink: Sink
    deadline: float
    members: dict[str, Entry] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        return self.size > 0 and len(self.members) >= self.size


class Session:
    """Unanswered episodes and groups of one logical stream.

    deadline: seconds from hand-over after which an episode (and a group, from its latest member) is answered with
    DEADLINE_EXCEEDED here; infinity for none.
    """

    def __init__(self, options: options_pb2.AttributionOptions, group_sink: Sink, deadline: float) -> None:
        self._options = signal_service_pb2.StreamSignalsRequest(options=options).SerializeToString()
        self._group_sink = group_sink
        self._deadline = deadline
        self._sequence = 0
        self._entries: dict[str, Entry] = {}
        self._groups: dict[str, GroupEntry] = {}  # those that the server may know
        self._parked: dict[str, deque[GroupEntry]] = {}  # those behind them, in order
        self._queue: deque[Entry] = deque()
        self._delayed: list[tuple[float, int, Entry]] = []
        self._answers: deque[bytes] = deque()
        # What this connection allows and has used up.
        self._greet = True
        self._credits = 0
        self._byte_credits = 0
        self._max_episode_bytes = 0
        self._sent: dict[str, Entry] = {}
        self._bytes_in_flight = 0
        self._undelivered = 0
        self.draining = False
        self.delivered = 0  # outcomes of episodes and groups
        self.repeated = 0  # results that were not delivered because they had been

    # What the caller hands over.

    def add(self, source: EpisodeLike, sink: Sink, now: float) -> None:
        """Queues an episode. Its outcome, whatever it is, goes to `sink` exactly once."""
        try:
            proto = to_proto(source)
            request = _episode_request(proto)
        except (TypeError, ValueError, EncodeError) as failure:
            sink(Failed(source.id, Error(grpc.StatusCode.INVALID_ARGUMENT, f"not an episode: {failure}")))
            return
        problem = self._refusal(proto.id)
        if problem is not None:
            sink(Failed(proto.id, problem))
            return
        entry = Entry(self._sequence, proto.id, request, source, sink, now + self._deadline)
        self._sequence += 1
        self._undelivered += 1
        self._entries[entry.id] = entry
        if not proto.HasField("group"):
            self._queue.append(entry)
            return
        group = self._open_group(proto.group, entry.deadline)
        entry.group = group
        group.members[entry.id] = entry
        group.deadline = entry.deadline
        if self._groups[group.id] is group:
            self._queue.append(entry)

    def _open_group(self, wire: episode_pb2.Group, deadline: float) -> GroupEntry:
        """The group that an episode belongs to: behind a full one of the same id it is another group."""
        known = self._groups.get(wire.id)
        parked = self._parked.get(wire.id)
        last = parked[-1] if parked else known
        if last is not None and not last.full:
            return last
        group = GroupEntry(wire.id, wire.size, self._group_sink, deadline)
        if known is None:
            self._groups[wire.id] = group
        else:
            self._parked.setdefault(wire.id, deque()).append(group)
        return group

    def _refusal(self, episode_id: str) -> Error | None:
        if not episode_id:
            return Error(grpc.StatusCode.INVALID_ARGUMENT, "id: must be set", (("id", "must be set"),))
        if episode_id in self._entries:
            return Error(grpc.StatusCode.ALREADY_EXISTS, "an unanswered episode has this id", (("id", episode_id),))
        return None

    def answer(self, response: evaluator_service_pb2.EvaluateResponse) -> None:
        """Queues an answer to a question of this connection. Answers go before episodes."""
        self._answers.append(signal_service_pb2.StreamSignalsRequest(evaluation=response).SerializeToString())

    def source(self, episode_id: str) -> EpisodeLike | None:
        entry = self._entries.get(episode_id)
        return entry.source if entry is not None else None

    def group_sources(self, group_id: str) -> dict[str, EpisodeLike]:
        """The episodes of an unanswered group, by id."""
        group = self._groups.get(group_id)
        return {name: entry.source for name, entry in group.members.items()} if group is not None else {}

    # What goes out.

    def next_request(self, now: float) -> bytes | None:
        """The next serialised StreamSignalsRequest; None where nothing may be sent at the moment."""
        if self._greet:
            self._greet = False
            return self._options
        if self._answers:
            return self._answers.popleft()
        if self.draining:
            return None
        while self._delayed and self._delayed[0][0] <= now:
            self._queue.append(heapq.heappop(self._delayed)[2])
        while self._queue:
            entry = self._queue[0]
            if entry.delivered and entry.group is None:
                self._queue.popleft()  # expired before it was sent
            elif self._max_episode_bytes and len(entry.request) > self._max_episode_bytes + 16:
                self._queue.popleft()
                self._deliver(entry, Failed(entry.id, _too_large(len(entry.request), self._max_episode_bytes)))
            elif self._has_credit(len(entry.request)):
                self._queue.popleft()
                entry.in_flight = True
                self._sent[entry.id] = entry
                self._bytes_in_flight += len(entry.request)
                return entry.request
            else:
                return None
        return None

    def _has_credit(self, size: int) -> bool:
        if len(self._sent) >= self._credits:
            return False
        return not self._sent or self._bytes_in_flight + size <= self._byte_credits

    @property
    def sendable(self) -> bool:
        """Enough of the credits are free to wake the writer: it sends several episodes at a time, and an eighth of the
        credits is little for the server to miss meanwhile.
        """
        return self._credits - len(self._sent) >= max(1, self._credits // 8)

    @property
    def idle(self) -> bool:
        """The server owes no episode and there is none to send; groups may be open."""
        return not (self._queue or self._sent or self._delayed or self._answers or self._parked)

    @property
    def unanswered(self) -> int:
        """Episodes that have no outcome yet."""
        return self._undelivered

    @property
    def owed_groups(self) -> bool:
        """The server owes the result of a group of which it has answered all episodes, and may still ask about it.

        One that it turned away at its door does not count there: such a group is answered after the half-close, and
        nobody waits for it.
        """
        return any(
            0 < group.size <= sum(entry.counted for entry in group.members.values()) for group in self._groups.values()
        )

    @property
    def done(self) -> bool:
        """Everything that was handed over has its outcome, even if the server still owes late results."""
        return self._undelivered == 0 and not self._groups

    @property
    def in_order(self) -> bool:
        """The server may end the stream now: it owes nothing, at most something was put off for the next one."""
        return self.done or bool(self._delayed)

    @property
    def drained(self) -> bool:
        """After go_away: nothing more is to be expected of this connection."""
        return self.draining and not self._sent

    # What comes in.

    def ready(self, ready: signal_service_pb2.StreamReady) -> None:
        self._credits = max(1, ready.max_episodes_in_flight)
        self._byte_credits = ready.max_bytes_in_flight or 1 << 62
        self._max_episode_bytes = ready.limits.max_episode_bytes

    def result(self, result: signal_service_pb2.EpisodeResult, now: float) -> None:
        entry = self._sent.pop(result.episode_id, None)
        if entry is None:
            self.repeated += 1
            return
        entry.in_flight = False
        if entry.group is not None:
            entry.counted = _counts(result)
        self._bytes_in_flight -= len(entry.request)
        if entry.delivered:
            self.repeated += 1
            self._forget_if_settled(entry)
            return
        outcome = episode_outcome(result)
        if isinstance(outcome, Failed) and outcome.error.retry_after is not None:
            # Turned away, and not counted in its group: the group waits for it.
            if entry.retries < _MAX_RETRIES:
                entry.retries += 1
                heapq.heappush(self._delayed, (now + outcome.error.retry_after, entry.sequence, entry))
                return
            group = entry.group
            self._deliver(entry, outcome)
            if group is not None:
                self._close_group(group, GroupFailed(group.id, _given_up(entry.id, outcome.error)))
            return
        self._deliver(entry, outcome)

    def group_result(self, result: signal_service_pb2.GroupResult, now: float) -> None:
        group = self._groups.get(result.group_id)
        if group is None or any(e.episode_id not in group.members for e in result.signals.episodes):
            self.repeated += 1  # of a group that was given up
            return
        self._close_group(group, group_outcome(result))

    def _deliver(self, entry: Entry, outcome: Outcome) -> None:
        if entry.delivered:
            return
        entry.delivered = True
        self._undelivered -= 1
        self.delivered += 1
        self._forget_if_settled(entry)
        entry.sink(outcome)

    def _forget_if_settled(self, entry: Entry) -> None:
        if entry.group is None and not entry.in_flight:
            self._entries.pop(entry.id, None)

    def _close_group(self, group: GroupEntry, outcome: Outcome) -> None:
        if self._groups.get(group.id) is group:
            del self._groups[group.id]
            self._open_next(group.id)
        else:
            self._unpark(group)
        self.delivered += 1
        for entry in group.members.values():
            entry.group = None
            if entry.delivered:
                self._forget_if_settled(entry)
        group.sink(outcome)

    def _open_next(self, group_id: str) -> None:
        parked = self._parked.get(group_id)
        if parked:
            group = self._groups[group_id] = parked[0]
            self._unpark(group)
            self._queue.extend(group.members.values())

    def _unpark(self, group: GroupEntry) -> None:
        parked = self._parked[group.id]
        parked.remove(group)
        if not parked:
            del self._parked[group.id]

    # Time and misfortune.

    def expire(self, now: float) -> None:
        """Answers DEADLINE_EXCEEDED for what was handed over too long ago; late results are ignored."""
        if math.isinf(self._deadline):
            return
        late = Error(grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {self._deadline:g} s")
        for entry in [e for e in self._entries.values() if not e.delivered and e.deadline <= now]:
            self._deliver(entry, Failed(entry.id, late))
        for group in [g for g in self._all_groups() if g.deadline <= now]:
            self._close_group(group, GroupFailed(group.id, late))
        self._delayed = [item for item in self._delayed if not (item[2].delivered and item[2].group is None)]
        heapq.heapify(self._delayed)

    def _all_groups(self) -> list[GroupEntry]:
        return [*self._groups.values(), *(group for parked in self._parked.values() for group in parked)]

    def lost(self) -> None:
        """The connection is gone: queue again what it left unanswered, in the order of hand-over."""
        self._greet = True
        self._credits = 0
        self.draining = False
        self._answers.clear()
        self._sent.clear()
        self._bytes_in_flight = 0
        put_off = {entry.id for _, _, entry in self._delayed}
        again = []
        for entry in list(self._entries.values()):
            entry.in_flight = entry.counted = False
            if entry.id in put_off or (entry.group is not None and self._groups.get(entry.group.id) is not entry.group):
                continue
            if entry.delivered and entry.group is None:
                del self._entries[entry.id]
            else:
                again.append(entry)
        self._queue = deque(sorted(again, key=lambda entry: entry.sequence))

    def fail(self, error: Error) -> None:
        """Answers everything that is unanswered with `error`: no server will."""
        self._queue.clear()
        self._delayed.clear()
        self._sent.clear()
        for entry in list(self._entries.values()):
            entry.in_flight = False
            self._deliver(entry, Failed(entry.id, error))
        for group in self._all_groups()[::-1]:  # the parked ones first: none is opened any more
            self._close_group(group, GroupFailed(group.id, error))
        self._entries.clear()


# Field `episode` of StreamSignalsRequest, length-delimited: the episode's own bytes follow their length. Written here
# because protobuf's Python would first copy the episode into the request.
_EPISODE_TAG = bytes([signal_service_pb2.StreamSignalsRequest.EPISODE_FIELD_NUMBER << 3 | 2])


def _episode_request(proto: episode_pb2.Episode) -> bytes:
    payload = proto.SerializeToString()
    rest, length = len(payload), bytearray()
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return b"".join((_EPISODE_TAG, length, payload))


def _counts(result: signal_service_pb2.EpisodeResult) -> bool:
    """Whether the group of this episode has it, with signals or as missing.

    What the server turned away at its door the group never heard of: one to be sent again, a wrong id, a wrong group.
    """
    if not result.HasField("error"):
        return True
    field = result.error.message.partition(":")[0].partition(".")[0]
    return not result.error.HasField("retry_after") and field not in ("id", "group")


def _given_up(episode_id: str, error: Error) -> Error:
    return Error(error.code, f"episode {episode_id!r} was turned away {_MAX_RETRIES + 1} times: {error.message}")


def _too_large(size: int, limit: int) -> Error:
    return Error(grpc.StatusCode.OUT_OF_RANGE, f"the episode has {size} bytes, the server takes {limit}")
