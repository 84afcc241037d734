"""Throughput of one Python process, as a ratio to a bare echo of the same payload. Not a test: run it by hand.

    python tests/benchmark_throughput.py --echo BUILD/tests/benchmarks/wire/echo_server --assayd BUILD/server/assayd

Ends with one line a figure, NAME VALUE UNIT. Echo and client take turns, because a machine's speed drifts; the median
of the rounds counts. The echo client is the plain gRPC stub with the same window and nothing else. The ratios of CPU
time are those of this process alone: they hold where client, server and others share too few cores.
python_local_over_beside is assay_rl.local() over the server at a port.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import grpc.aio

sys.path.insert(0, str(Path(__file__).parent))

import assayd

import assay_rl
from assay_rl.client.episodes import EpisodeLike
from assay_rl.v1 import episode_pb2, signal_service_pb2

Request = signal_service_pb2.StreamSignalsRequest
METHOD = "/assay.benchmarks.EchoService/Echo"


def episodes(count: int) -> list[assay_rl.Episode]:
    """About 4 KB each: three agents, three rounds, an answer each, as in the debates of shared/data."""
    made = []
    for number in range(count):
        text = " ".join(f"word{(number * 31 + k * 7) % 997}" for k in range(48))
        messages = [
            assay_rl.Message(f"agent{k % 3}", f"{text} {k}", round=1 + k // 3, answer="ABC"[(number + k) % 3])
            for k in range(9)
        ]
        made.append(assay_rl.Episode(f"e{number}", messages, task=assay_rl.Task("t", "Q?", "A"), score=1.0))
    return made


def echo_sync(target: str, protos: Sequence[episode_pb2.Episode], window: int) -> None:
    with grpc.insecure_channel(target) as channel:
        call = channel.stream_stream(
            METHOD, request_serializer=Request.SerializeToString, response_deserializer=Request.FromString
        )
        room = threading.Semaphore(window)

        def requests() -> Iterator[Request]:
            for proto in protos:
                room.acquire()
                yield Request(episode=proto)

        for _ in call(requests()):
            room.release()


async def echo_async(target: str, protos: Sequence[episode_pb2.Episode], window: int) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.stream_stream(
            METHOD, request_serializer=Request.SerializeToString, response_deserializer=Request.FromString
        )()
        room = asyncio.Semaphore(window)

        async def write() -> None:
            for proto in protos:
                await room.acquire()
                await call.write(Request(episode=proto))
            await call.done_writing()

        writer = asyncio.create_task(write())
        while await call.read() is not grpc.aio.EOF:
            room.release()
        await writer


def client_sync(target: str, held: Sequence[EpisodeLike], friendly: bool) -> None:
    with assay_rl.Client(target) as client:
        for outcome in client.score(held):
            assert isinstance(outcome, assay_rl.Scored)
            _ = outcome.signals.rewards if friendly else outcome.proto.signals


async def client_async(target: str, held: Sequence[EpisodeLike], friendly: bool) -> None:
    async with assay_rl.AsyncClient(target) as client:
        async for outcome in client.score(held):
            assert isinstance(outcome, assay_rl.Scored)
            _ = outcome.signals.rewards if friendly else outcome.proto.signals


def rate(run: Callable[[], None], count: int) -> tuple[float, float]:
    """Episodes a second, and a second of this process's CPU."""
    started, cpu = time.perf_counter(), time.process_time()
    run()
    return count / (time.perf_counter() - started), count / (time.process_time() - cpu)


def median_ratio(client: Sequence[tuple[float, float]], echo: Sequence[tuple[float, float]], of: int) -> float:
    return statistics.median(a[of] / b[of] for a, b in zip(client, echo, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--echo", required=True, help="the binary of tests/benchmarks/wire")
    parser.add_argument("--assayd", help="default: as for the tests")
    parser.add_argument("--episodes", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=64)
    arguments = parser.parse_args()
    if arguments.assayd:
        os.environ["ASSAYD"] = arguments.assayd
    count, window = arguments.episodes, arguments.window
    friendly = episodes(count)
    protos = [e.to_proto() for e in friendly]
    echo = subprocess.Popen([arguments.echo], stdout=subprocess.PIPE, text=True)
    assert echo.stdout is not None
    target = echo.stdout.readline().split()[-1]
    try:
        with assayd.running() as server, assay_rl.local() as local:
            runs: dict[str, Callable[[], None]] = {
                "echo_sync": lambda: echo_sync(target, protos, window),
                "echo_async": lambda: asyncio.run(echo_async(target, protos, window)),
                "sync_proto": lambda: client_sync(server.target, protos, False),
                "async_proto": lambda: asyncio.run(client_async(server.target, protos, False)),
                "sync_friendly": lambda: client_sync(server.target, friendly, True),
                "async_friendly": lambda: asyncio.run(client_async(server.target, friendly, True)),
                "local": lambda: client_sync(local.target, protos, False),
            }
            rates: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
            for _ in range(arguments.rounds):
                for name, run in runs.items():
                    rates[name].append(rate(run, count))
    finally:
        echo.terminate()
        echo.wait(10)
    for name, measured in rates.items():
        per_second = statistics.median(rate for rate, _ in measured)
        print(f"# {name} {per_second:.0f} episodes/s", file=sys.stderr)
    for mode in ("sync", "async"):
        for kind in ("proto", "friendly"):
            client, echo_rates = rates[f"{mode}_{kind}"], rates[f"echo_{mode}"]
            print(f"python_{mode}_{kind}_over_echo {median_ratio(client, echo_rates, 0):.3f} ratio")
            print(f"python_{mode}_{kind}_cpu_over_echo {median_ratio(client, echo_rates, 1):.3f} ratio")
    print(f"python_local_over_beside {median_ratio(rates['local'], rates['sync_proto'], 0):.3f} ratio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
