"""Streams that do not behave: `python -m production.crowd TARGET BEHAVIOUR:COUNT...`, until SIGTERM.

A process of its own, so that it costs the well-behaved's clock nothing. Says when each group is in, and at the end how
often streams were opened and how they ended, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

import grpc
from assay_rl.v1 import options_pb2, signal_service_pb2_grpc

from production.load import Request, Response, channel, debate

CREDITS = 16
STREAMS_PER_CONNECTION = 10
VOTE = options_pb2.AttributionOptions(vote=options_pb2.VoteReplay())
# Answers that take a second: who has sent his credits has none for as long.
SLOW = options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name="slow"))
Call: TypeAlias = "grpc.aio.StreamStreamCall[Request, Response]"
Behave: TypeAlias = "Callable[[Call], Awaitable[None]]"


def requests(content_bytes: int) -> Iterator[Request]:
    """Without end: one content, ids that count."""
    request = Request(episode=debate(0, content_bytes=content_bytes))
    for number in itertools.count():
        request.episode.id = f"x{number}"
        yield request


class Crowd:
    """Streams that come back when they were ended, until the scene is over."""

    def __init__(self, target: str, streams: int) -> None:
        # A window that does not grow: what the client's own library takes in unread stays small.
        self._channels = [
            channel(target, number, **{"http2.bdp_probe": 0, "http2.lookahead_bytes": 1 << 16})
            for number in range(-(-streams // STREAMS_PER_CONNECTION))
        ]
        self._places = [self._channels[number // STREAMS_PER_CONNECTION] for number in range(streams)]
        self._tasks: list[asyncio.Task[None]] = []
        self.opened = 0
        self.ends: dict[str, int] = {}

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for where in self._channels:
            await where.close(None)

    async def join(self, behaviour: str, count: int) -> None:
        """`count` more streams; returns when each is open for the first time."""
        behave, options = {
            "idle": (self.idle, VOTE),
            "slow": (self.slow, VOTE),
            "deaf": (self.deaf, VOTE),
            "greedy": (self.greedy, SLOW),
        }[behaviour]
        ready = [asyncio.Event() for _ in range(count)]
        for event in ready:
            self._tasks.append(asyncio.create_task(self._live(len(self._tasks), event, behave, options)))
        await asyncio.wait_for(asyncio.gather(*(event.wait() for event in ready)), 120)

    async def _live(
        self, place: int, ready: asyncio.Event, behave: Behave, options: options_pb2.AttributionOptions
    ) -> None:
        while True:
            call = signal_service_pb2_grpc.SignalServiceStub(self._places[place]).StreamSignals()
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await call.write(Request(options=options))
                if await call.read() is not grpc.aio.EOF:
                    self.opened += 1
                    ready.set()
                    await behave(call)
            code = str((await call.code()).name)
            self.ends[code] = self.ends.get(code, 0) + 1
            await asyncio.sleep(0.2)

    async def idle(self, call: Call) -> None:
        await call.read()

    async def slow(self, call: Call) -> None:
        """Fills its credits with large episodes and reads an answer a second."""
        large = requests(8192)
        for _ in range(CREDITS):
            await call.write(next(large))
        while await call.read() is not grpc.aio.EOF:
            await call.write(next(large))
            await asyncio.sleep(1)

    async def deaf(self, call: Call) -> None:
        """Sends without end and never reads."""
        for request in requests(4096):
            await call.write(request)
            await asyncio.sleep(0.1)

    async def greedy(self, call: Call) -> None:
        """Reads, but sends twice its credits at once, again and again."""

        async def read() -> None:
            while await call.read() is not grpc.aio.EOF:
                pass

        reading = asyncio.create_task(read())
        try:
            for number, request in enumerate(requests(1024), 1):
                await call.write(request)
                if number % (2 * CREDITS) == 0:
                    await asyncio.sleep(2)
        finally:
            reading.cancel()


async def main(target: str, groups: list[str]) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    counts = [(behaviour, int(count)) for behaviour, _, count in (group.partition(":") for group in groups)]
    async with Crowd(target, sum(count for _, count in counts)) as crowd:
        for behaviour, count in counts:
            await crowd.join(behaviour, count)
            print(f"{behaviour} are in", flush=True)
            await asyncio.sleep(2)
        print("all are in", flush=True)
        await over.wait()
        print("crowd", json.dumps({"opened": crowd.opened, **crowd.ends}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
