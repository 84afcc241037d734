"""Ten times more than the server can do, for a minute: it does as much as before, and says no to the rest.

Capacity is set by what the evaluator takes at once, so that the generator does not compete for it.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from pathlib import Path

from assay_rl.v1 import options_pb2

from production.fleet import Assayd, MemoryWatch, SlowEvaluator, Verdict, ended
from production.load import Load, Tally

MIB = 1 << 20


def server_config(evaluator: SlowEvaluator, calls: int, waiting: int) -> dict[str, object]:
    return {
        "workers": 2,
        "evaluators": [evaluator.configured("slow", concurrency=calls)],
        "limits": {
            "maxEpisodeBytes": str(MIB),
            "maxMessages": 1024,
            "maxBytesInFlight": str(8 * MIB),
            "maxBytes": str(32 * MIB),
            "maxStreams": 64,
            "maxConnections": 128,
            # What waits is what is accepted late.
            "maxEpisodes": str(waiting),
        },
    }


async def measure(server: Assayd, calls: int, waiting: int, args: argparse.Namespace) -> int:
    options = options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name="slow"))
    verdict = Verdict("overload")
    async with Load(server.target, args.streams, options) as load:
        start = time.monotonic()
        before = await load.closed_loop(math.ceil(1.5 * calls / args.streams), args.peak_seconds)
        # The first seconds fill the pipe.
        peak = Tally(before).done_between(start + 2, start + args.peak_seconds) / (args.peak_seconds - 2)
        await load.settle()
        alone = await load.open_loop(0.5 * peak, 5)
        await load.settle()
        normal = Tally(alone).quantile(0.99)

        with MemoryWatch(server) as memory:
            start = time.monotonic()
            during = await load.open_loop(args.times * peak, args.seconds)
            end = time.monotonic()
        after = await load.open_loop(0.5 * peak, 10)
        await load.settle()

    flood = Tally(during)
    goodput = flood.done_between(start, end) / (end - start)
    late = [s.due - end for s in after if s.code != 0 or s.seconds > 2 * normal]
    verdict.figure("peak goodput, closed loop", peak, "episodes/s")
    verdict.figure("offered in the overload", len(during) / (end - start), "episodes/s", least=0.9 * args.times * peak)
    verdict.figure("goodput in the overload over the peak", goodput / peak, "", least=0.9)
    verdict.figure("rejected with RESOURCE_EXHAUSTED", flood.rejected)
    verdict.figure("ended otherwise or unanswered", flood.other, most=0)
    verdict.figure("p99 of accepted, half of the peak offered", normal, "s")
    # Who is accepted last waits for all before it.
    verdict.figure("p99 of accepted in the overload", flood.quantile(0.99), "s", most=waiting / peak + 2 * normal)
    verdict.figure("memory", memory.largest / MIB, "MiB", most=server.memory_bound() / MIB)
    verdict.figure("until all are accepted and as fast as before", max(late, default=0), "s", most=5)
    return verdict.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of overload")
    parser.add_argument("--peak-seconds", type=float, default=10)
    parser.add_argument("--times", type=float, default=10, help="of capacity")
    parser.add_argument("--streams", type=int, default=8)
    args = parser.parse_args()
    calls, latency = 8, 0.4  # an episode asks twice: 10 episodes a second
    waiting = 3 * calls
    with tempfile.TemporaryDirectory() as folder:
        evaluator = SlowEvaluator(Path(folder), latency)
        with ended(evaluator):
            evaluator.start()
            server = Assayd(Path(folder), "assayd", server_config(evaluator, calls, waiting))
            with ended(server):
                server.start()
                return asyncio.run(measure(server, calls, waiting, args))


if __name__ == "__main__":
    raise SystemExit(main())
