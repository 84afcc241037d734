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

_MAX_RETRIES = 3  # of one episode that the server asked to send again later


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
    held_error: Failed | None = None


@dataclass(slots=True, eq=False)
class GroupEntry:
    id: str
    sink: Sink
    deadline: float
    members: dict[str, Entry] = field(default_factory=dict)


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
        self._groups: dict[str, GroupEntry] = {}
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
        if proto.HasField("group"):
            entry.group = self._groups.setdefault(
                proto.group.id, GroupEntry(proto.group.id, self._group_sink, entry.deadline)
            )
            entry.group.members[entry.id] = entry
            entry.group.deadline = entry.deadline
        self._queue.append(entry)

    def _refusal(self, episode_id: str) -> Error | None:
        if not episode_id:
            return Error(grpc.StatusCode.INVALID_ARGUMENT, "an episode needs an id", (("id", "is empty"),))
        if episode_id in self._entries:
            return Error(grpc.StatusCode.ALREADY_EXISTS, "an unanswered episode has this id", (("id", episode_id),))
        return None

    def answer(self, response: evaluator_service_pb2.EvaluateResponse) -> None:
        """Queues an answer to a question of this connection. Answers go before episodes."""
        self._answers.append(signal_service_pb2.StreamSignalsRequest(evaluation=response).SerializeToString())

    def source(self, episode_id: str) -> EpisodeLike | None:
        entry = self._entries.get(episode_id)
        return entry.source if entry is not None else None

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
        return not (self._queue or self._sent or self._delayed or self._answers)

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
        self._bytes_in_flight -= len(entry.request)
        if entry.delivered:
            self.repeated += 1
            self._forget_if_settled(entry)
            return
        outcome = episode_outcome(result)
        if isinstance(outcome, Failed) and outcome.error.retry_after is not None and entry.retries < _MAX_RETRIES:
            if entry.group is None:
                entry.retries += 1
                heapq.heappush(self._delayed, (now + outcome.error.retry_after, entry.sequence, entry))
            else:
                entry.held_error = outcome  # the whole group is asked again once its result is there
            return
        self._deliver(entry, outcome)

    def group_result(self, result: signal_service_pb2.GroupResult, now: float) -> None:
        group = self._groups.get(result.group_id)
        if group is None:
            self.repeated += 1
            return
        held = [entry for entry in group.members.values() if entry.held_error is not None and not entry.delivered]
        if held:
            self._ask_again(group, held, now)
            return
        self._close_group(group, group_outcome(result))

    def _ask_again(self, group: GroupEntry, held: list[Entry], now: float) -> None:
        delay = 0.0
        for entry in held:
            entry.retries += 1
            assert entry.held_error is not None
            delay = max(delay, entry.held_error.error.retry_after or 0.0)
            entry.held_error = None
        for entry in group.members.values():
            if not entry.in_flight:
                heapq.heappush(self._delayed, (now + delay, entry.sequence, entry))

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
        del self._groups[group.id]
        self.delivered += 1
        for entry in group.members.values():
            entry.group = None
            if entry.delivered:
                self._forget_if_settled(entry)
        group.sink(outcome)

    # Time and misfortune.

    def expire(self, now: float) -> None:
        """Answers DEADLINE_EXCEEDED for what was handed over too long ago; late results are ignored."""
        if math.isinf(self._deadline):
            return
        late = Error(grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {self._deadline:g} s")
        for entry in [e for e in self._entries.values() if not e.delivered and e.deadline <= now]:
            self._deliver(entry, Failed(entry.id, late))
        for group in [g for g in self._groups.values() if g.deadline <= now]:
            self._close_group(group, GroupFailed(group.id, late))
        self._delayed = [item for item in self._delayed if not (item[2].delivered and item[2].group is None)]
        heapq.heapify(self._delayed)

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
            entry.in_flight = False
            if entry.id in put_off:
                continue
            entry.held_error = None
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
        for group in list(self._groups.values()):
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


def _too_large(size: int, limit: int) -> Error:
    return Error(grpc.StatusCode.OUT_OF_RANGE, f"the episode has {size} bytes, the server takes {limit}")
