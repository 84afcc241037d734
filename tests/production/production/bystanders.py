"""Whoever behaves keeps his rate beside those who do not, and the server's memory stays below its bound.

Two scenes. `idle`: a thousand streams that say nothing after their options, and fifty that read one answer in a while.
`flood`: two hundred, of which half never read and half send many more episodes than their credits allow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from production.crowd import CREDITS, VOTE
from production.fleet import Assayd, MemoryWatch, Process, SlowEvaluator, Verdict, ended
from production.load import Load, Tally

MIB = 1 << 20
LIMITS = {
    "maxEpisodeBytes": str(MIB),
    "maxMessages": 1024,
    "maxEpisodesInFlight": CREDITS,
    "maxBytesInFlight": str(4 * MIB),
    "maxBytes": str(32 * MIB),
    "maxEpisodes": "2048",
}


async def watch(server: Assayd, crowd: Process, args: argparse.Namespace) -> int:
    verdict = Verdict(args.scene)
    half = args.streams // 2
    groups = {"idle": {"idle": args.idle, "slow": args.slow}, "flood": {"deaf": half, "greedy": args.streams - half}}
    async with Load(server.target, 4, VOTE, obedient=True) as good:
        alone = await good.open_loop(args.rate, args.seconds / 2)
        await good.settle()
        before = server.memory()
        with MemoryWatch(server) as memory:
            members = [f"{behaviour}:{count}" for behaviour, count in groups[args.scene].items()]
            crowd.spawn([sys.executable, "-m", "production.crowd", server.target, *members])
            if args.scene == "idle":
                await asyncio.to_thread(crowd.wait_for, "idle are in")
                await asyncio.sleep(1)
                idle = server.memory() - before
                verdict.figure("idle streams", server.metric("assay_streams") - 4, least=args.idle)
                verdict.figure("memory of an idle stream", idle / args.idle / 1024, "KiB", most=256)
            await asyncio.to_thread(crowd.wait_for, "all are in")
            start = time.monotonic()
            beside = await good.open_loop(args.rate, args.seconds)
            end = time.monotonic()
        await good.settle()
        for reason in ("credits", "server", "client_does_not_read"):
            rejected = server.metric(f'assay_admission_rejected_total{{reason="{reason}"}}')
            verdict.figure(f"rejected: {reason}", rejected)
    crowd.terminate()
    for what, count in json.loads(crowd.wait_for("crowd (.*)")[1]).items():
        verdict.figure(f"streams of the crowd: {what}", count)
    verdict.figure("good episodes sent again when told to", sum(lane.sent_again for lane in good.lanes))
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
    args = parser.parse_args()
    streams = args.streams if args.scene == "flood" else args.idle + args.slow
    limits = {**LIMITS, "maxStreams": streams + 50, "maxConnections": 2 * (streams + 50), "writeStall": "5s"}
    with tempfile.TemporaryDirectory() as folder:
        evaluator = SlowEvaluator(Path(folder), 1)
        server = Assayd(Path(folder), "assayd", {"workers": 2, "limits": limits})
        crowd = Process(Path(folder) / "crowd.log")
        with ended(crowd, server, evaluator):
            server.config["evaluators"] = [evaluator.start().configured("slow")]
            server.start()
            return asyncio.run(watch(server, crowd, args))


if __name__ == "__main__":
    raise SystemExit(main())
