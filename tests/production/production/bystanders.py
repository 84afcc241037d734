"""Whoever behaves keeps his rate beside those who do not, and the server's memory stays below its bound.

Two scenes. `idle`: a thousand streams that say nothing after their options, and fifty that read one answer in a while.
`flood`: two hundred, of which half never read and half send many more episodes than their credits allow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import grpc
from assay.v1 import options_pb2, signal_service_pb2_grpc

from production.fleet import Assayd, MemoryWatch, SlowEvaluator, Verdict, ended
from production.load import Load, Request, Response, Tally, channel, debate

MIB = 1 << 20
CREDITS = 16
VOTE = options_pb2.AttributionOptions(vote=options_pb2.VoteReplay())
# Answers that take a second: who has sent his credits has none for as long.
SLOW = options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name="slow"))
Call: TypeAlias = "grpc.aio.StreamStreamCall[Request, Response]"
Behave: TypeAlias = "Callable[[Call], Awaitable[None]]"
LIMITS = {
    "maxEpisodeBytes": str(MIB),
    "maxMessages": 1024,
    "maxEpisodesInFlight": CREDITS,
    "maxBytesInFlight": str(4 * MIB),
    "maxBytes": str(32 * MIB),
    "maxEpisodes": "2048",
}


class Crowd:
    """Streams that come back when they were ended, until the scene is over."""

    def __init__(self, target: str, streams: int, per_connection: int) -> None:
        # A window that does not grow: what the client's own library takes in unread stays small.
        self._channels = [
            channel(target, number, **{"http2.bdp_probe": 0, "http2.lookahead_bytes": 1 << 16})
            for number in range(-(-streams // per_connection))
        ]
        self._places = [self._channels[number // per_connection] for number in range(streams)]
        self._tasks: list[asyncio.Task[None]] = []
        self.opened = self.answers = 0
        self.ends: dict[str, int] = {}

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for where in self._channels:
            await where.close(None)

    async def join(self, count: int, behave: Behave, options: options_pb2.AttributionOptions = VOTE) -> None:
        """`count` more streams; returns when each is open for the first time."""
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
        numbers = itertools.count(1_000_000)
        for _ in range(CREDITS):
            await call.write(Request(episode=debate(next(numbers), content_bytes=8192)))
        while await call.read() is not grpc.aio.EOF:
            self.answers += 1
            await call.write(Request(episode=debate(next(numbers), content_bytes=8192)))
            await asyncio.sleep(1)

    async def deaf(self, call: Call) -> None:
        """Sends without end and never reads."""
        for number in itertools.count(2_000_000):
            await call.write(Request(episode=debate(number, content_bytes=4096)))
            await asyncio.sleep(0.02)

    async def greedy(self, call: Call) -> None:
        """Reads, but sends four times its credits at once, again and again."""

        async def read() -> None:
            while await call.read() is not grpc.aio.EOF:
                self.answers += 1

        reading = asyncio.create_task(read())
        try:
            for number in itertools.count(3_000_000):
                await call.write(Request(episode=debate(number, content_bytes=1024)))
                if number % (4 * CREDITS) == 0:
                    await asyncio.sleep(2)
        finally:
            reading.cancel()


async def watch(server: Assayd, scene: str, args: argparse.Namespace) -> int:
    verdict = Verdict(scene)
    streams = args.idle + args.slow if scene == "idle" else args.streams
    async with (
        Load(server.target, 4, VOTE, obedient=True) as good,
        Crowd(server.target, streams, args.per_connection) as crowd,
    ):
        alone = await good.open_loop(args.rate, args.seconds / 2)
        await good.settle()
        before = server.memory()
        with MemoryWatch(server) as memory:
            if scene == "idle":
                await crowd.join(args.idle, crowd.idle)
                await asyncio.sleep(2)
                idle = server.memory() - before
                verdict.figure("idle streams", server.metric("assay_streams") - 4, least=args.idle)
                verdict.figure("memory of an idle stream", idle / args.idle / 1024, "KiB", most=256)
                await crowd.join(args.slow, crowd.slow)
            else:
                await crowd.join(streams // 2, crowd.deaf)
                await crowd.join(streams - streams // 2, crowd.greedy, SLOW)
            start = time.monotonic()
            beside = await good.open_loop(args.rate, args.seconds)
            end = time.monotonic()
        await good.settle()
        for reason in ("credits", "server", "client_does_not_read"):
            rejected = server.metric(f'assay_admission_rejected_total{{reason="{reason}"}}')
            verdict.figure(f"rejected: {reason}", rejected)
    verdict.figure("good episodes sent again when told to", sum(lane.sent_again for lane in good.lanes))
    verdict.figure("streams opened by the crowd", crowd.opened)
    for code, count in sorted(crowd.ends.items()):
        verdict.figure(f"of them ended {code}", count)
    for what, tally in (("alone", Tally(alone)), ("beside the crowd", Tally(beside))):
        verdict.figure(f"good episodes sent {what}", len(tally.sent))
        verdict.figure(f"not answered with signals {what}", len(tally.sent) - len(tally.good), most=0)
        verdict.figure(f"p99 {what}", 1000 * tally.quantile(0.99), "ms")
    rate = Tally(beside).done_between(start, end + 1) / (end - start)
    verdict.figure("rate of the well-behaved over what they offer", rate / args.rate, "", least=0.95)
    verdict.figure("memory", memory.largest / MIB, "MiB", most=server.memory_bound() / MIB)
    return verdict.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", choices=["idle", "flood"])
    parser.add_argument("--seconds", type=float, default=60, help="beside the crowd; half as long alone")
    parser.add_argument("--rate", type=float, default=40, help="episodes a second of the well-behaved")
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--streams", type=int, default=200, help="of the flood")
    parser.add_argument("--per-connection", type=int, default=10)
    args = parser.parse_args()
    streams = args.streams if args.scene == "flood" else args.idle + args.slow
    limits = {**LIMITS, "maxStreams": streams + 50, "writeStall": "5s"}
    with tempfile.TemporaryDirectory() as folder:
        evaluator = SlowEvaluator(Path(folder), 1)
        server = Assayd(Path(folder), "assayd", {"workers": 2, "limits": limits})
        with ended(server, evaluator):
            server.config["evaluators"] = [evaluator.start().configured("slow")]
            server.start()
            return asyncio.run(watch(server, args.scene, args))


if __name__ == "__main__":
    raise SystemExit(main())
