"""Episodes, and streams that send them: well-behaved ones and others."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signal_service_pb2_grpc

Request = signal_service_pb2.StreamSignalsRequest
Response = signal_service_pb2.StreamSignalsResponse
RESOURCE_EXHAUSTED: int = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def debate(number: int, agents: int = 4, content_bytes: int = 60) -> episode_pb2.Episode:
    """Two rounds of a debate that votes; the same for the same number."""
    episode = episode_pb2.Episode(id=f"e{number}")
    episode.task.prompt = "Which letter?"
    episode.task.reference_answer = "A"
    for agent in range(agents):
        episode.agents.add(id=f"agent-{agent}")
    state = number
    for turn in range(2 * agents):
        state = (state * 1664525 + 1013904223) % 2**32
        answer = "ABC"[(state >> 24) % 3]
        text = f"In episode {number} and turn {turn} I think that it is {answer}, for {state} reasons. "
        episode.messages.add(
            agent_id=f"agent-{turn % agents}",
            round=1 + turn // agents,
            answer=answer,
            content=(text * (1 + content_bytes // len(text)))[: max(content_bytes, len(text))],
        )
    return episode


@dataclass
class Sent:
    """One episode: when it was due, when its answer came, and how it ended."""

    due: float
    done: float = math.nan
    code: int = -1  # -1: no answer; 0: signals

    @property
    def seconds(self) -> float:
        return self.done - self.due


def channel(target: str, number: int, **options: Any) -> grpc.aio.Channel:
    """A connection of its own."""
    return grpc.aio.insecure_channel(
        target,
        options=[
            ("assay.test.connection", number),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", 64 << 20),
            *((f"grpc.{name}", value) for name, value in options.items()),
        ],
    )


class Lane:
    """One raw stream: it sends what it is told to, credits or not, and reads as fast as it can.

    An obedient one comes back with what was rejected when it was told to.
    """

    def __init__(
        self, where: grpc.aio.Channel, options: options_pb2.AttributionOptions, obedient: bool = False
    ) -> None:
        self._obedient = obedient
        self._episodes: dict[str, episode_pb2.Episode] = {}
        self.sent_again = 0
        self.call = signal_service_pb2_grpc.SignalServiceStub(where).StreamSignals()
        self._options = options
        self._queue: asyncio.Queue[Request | None] = asyncio.Queue()
        self.waiting: dict[str, Sent] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> signal_service_pb2.StreamReady:
        await self.call.write(Request(options=self._options))
        response = await self.call.read()
        assert response is not grpc.aio.EOF, await self.call.details()
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]
        ready: signal_service_pb2.StreamReady = response.ready
        return ready

    def send(self, episode: episode_pb2.Episode, sent: Sent) -> None:
        self.waiting[episode.id] = sent
        if self._obedient:
            self._episodes[episode.id] = episode
        self._queue.put_nowait(Request(episode=episode))

    async def _write(self) -> None:
        while (request := await self._queue.get()) is not None:
            await self.call.write(request)
        await self.call.done_writing()

    async def _read(self) -> None:
        while (response := await self.call.read()) is not grpc.aio.EOF:
            if response.WhichOneof("message") == "result":
                self._answered(response.result)

    def _answered(self, result: signal_service_pb2.EpisodeResult) -> None:
        episode = self._episodes.pop(result.episode_id, None)
        if episode is not None and result.error.HasField("retry_after"):
            self.sent_again += 1
            self._episodes[episode.id] = episode
            delay = result.error.retry_after.ToTimedelta().total_seconds()
            asyncio.get_running_loop().call_later(delay, self._queue.put_nowait, Request(episode=episode))
            return
        sent = self.waiting.pop(result.episode_id)
        sent.done = time.monotonic()
        sent.code = result.error.code if result.HasField("error") else 0

    async def close(self) -> grpc.StatusCode:
        self._queue.put_nowait(None)
        await asyncio.gather(*self._tasks)
        code: grpc.StatusCode = await self.call.code()
        return code


class Load:
    """Some lanes, and the record of all that they sent."""

    def __init__(
        self, target: str, lanes: int, options: options_pb2.AttributionOptions, *, obedient: bool = False
    ) -> None:
        self._channels = [channel(target, number) for number in range(lanes)]
        self.lanes = [Lane(where, options, obedient) for where in self._channels]
        self.sent: list[Sent] = []
        self._numbers = itertools.count()

    async def __aenter__(self) -> Load:
        await asyncio.gather(*(lane.open() for lane in self.lanes))
        return self

    async def __aexit__(self, *error: object) -> None:
        if error[0] is None:
            await asyncio.wait_for(asyncio.gather(*(lane.close() for lane in self.lanes)), 120)
        for where in self._channels:
            await where.close(None)

    def _send(self, lane: Lane, due: float) -> Sent:
        sent = Sent(due)
        self.sent.append(sent)
        lane.send(debate(next(self._numbers)), sent)
        return sent

    async def open_loop(self, rate: float, seconds: float) -> list[Sent]:
        """`rate` episodes a second, due at fixed times whatever becomes of those before."""
        start = time.monotonic()
        sent = []
        for number, lane in zip(range(int(rate * seconds)), itertools.cycle(self.lanes)):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sent.append(self._send(lane, due))
        await asyncio.sleep(max(0.0, start + seconds - time.monotonic()))
        return sent

    async def closed_loop(self, window: int, seconds: float) -> list[Sent]:
        """Each lane has `window` episodes in flight."""
        until = time.monotonic() + seconds
        sent: list[Sent] = []
        while time.monotonic() < until:
            for lane in self.lanes:
                while len(lane.waiting) < window:
                    sent.append(self._send(lane, time.monotonic()))
            await asyncio.sleep(0.005)
        return sent

    async def settle(self, seconds: float = 60) -> None:
        """Returns when everything is answered."""
        until = time.monotonic() + seconds
        while any(lane.waiting for lane in self.lanes):
            if time.monotonic() > until:
                raise TimeoutError(f"{sum(len(lane.waiting) for lane in self.lanes)} episodes are unanswered")
            await asyncio.sleep(0.02)


def quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else math.nan


@dataclass
class Tally:
    """What became of the episodes."""

    sent: list[Sent]
    good: list[Sent] = field(init=False)
    rejected: int = field(init=False)
    other: int = field(init=False)

    def __post_init__(self) -> None:
        self.good = [s for s in self.sent if s.code == 0]
        self.rejected = sum(s.code == RESOURCE_EXHAUSTED for s in self.sent)
        self.other = len(self.sent) - len(self.good) - self.rejected

    def quantile(self, q: float) -> float:
        return quantile([s.seconds for s in self.good], q)

    def done_between(self, start: float, end: float) -> int:
        return sum(start <= s.done < end for s in self.good)
