"""The capacity plan of deploy/README.md, checked: service times are measured here, then a fleet of them is simulated.

The plan: cores = episodes a second x CPU of one / 0.6, one replica more than needed; questions under way = episodes a
second x questions of one x latency, and the evaluators take that many, a third more for chance.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import math
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assay_rl.v1 import options_pb2

from production.fleet import Assayd, SlowEvaluator, Verdict, ended
from production.load import Load, Tally, quantile

BUSY = 0.6
HEADROOM = 4 / 3
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(server: Assayd) -> float:
    assert server.child is not None
    fields = Path(f"/proc/{server.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@dataclass
class Measured:
    cpu: float  # seconds an episode
    times: list[float]  # of single episodes, one after the other
    goodput: float


async def measure(server: Assayd, options: options_pb2.AttributionOptions, window: int, seconds: float) -> Measured:
    async with Load(server.target, 1, options) as load:
        await load.closed_loop(window, 1)
        await load.settle()
        before, start = cpu_seconds(server), time.monotonic()
        sent = await load.closed_loop(window, seconds)
        goodput = Tally(sent).done_between(start, start + seconds) / seconds
        await load.settle()
        cpu = (cpu_seconds(server) - before) / len(sent)
    return Measured(cpu, [s.seconds for s in sent], goodput)


@dataclass
class Fleet:
    """So many replicas with so many cores each; a stream stays where it is opened."""

    replicas: int
    cores: int
    streams: int = 64

    def waits(self, rate: float, services: list[float], seconds: float, seed: int) -> tuple[list[float], float]:
        """How long each episode of Poisson arrivals waits for a core, and the share of time that cores are busy."""
        chance = random.Random(seed)
        free = [[0.0] * self.cores for _ in range(self.replicas)]
        now = busy = 0.0
        waits = []
        while now < seconds:
            now += chance.expovariate(rate)
            replica = free[chance.randrange(self.streams) % self.replicas]
            service = chance.choice(services)
            begin = max(now, heapq.heappop(replica))
            heapq.heappush(replica, begin + service)
            waits.append(begin - now)
            busy += service
        return waits, busy / (seconds * self.replicas * self.cores)


def under_way(rate: float, questions: int, latency: float, seconds: float, seed: int) -> tuple[float, int]:
    """Mean and most questions under way, of latencies that vary like a judge's (exponential tail)."""
    chance = random.Random(seed)
    events: list[tuple[float, int]] = []
    now = 0.0
    while now < seconds:
        now += chance.expovariate(rate)
        for _ in range(questions):
            took = latency * (0.5 + 0.5 * chance.expovariate(1))
            events += [(now, 1), (now + took, -1)]
    count = most = 0
    area, last = 0.0, 0.0
    for at, change in sorted(events):
        if at > seconds:
            break
        area += count * (at - last)
        last, count = at, count + change
        most = max(most, count)
    return area / seconds, most


def replicas_for(rate: float, cpu: float, cores: int) -> int:
    return math.ceil(rate * cpu / BUSY / cores) + 1


def simulate(verdict: Verdict, what: str, rate: float, cores: int, plain: Measured) -> None:
    """The plan's replicas under that rate, and with one of them lost."""
    replicas = replicas_for(rate, plain.cpu, cores)
    verdict.figure(f"{what}: replicas of {cores} cores by the plan", replicas)
    # As single episodes vary, but with the CPU that they take under load.
    mean = sum(plain.times) / len(plain.times)
    services = [plain.cpu * t / mean for t in plain.times]
    seconds = 100_000 / rate
    for left, state in ((replicas, "all there"), (replicas - 1, "one lost")):
        waits, busy = Fleet(left, cores).waits(rate, services, seconds, seed=1)
        verdict.figure(f"{what}, {state}: cores busy", busy, "", most=1.05 * BUSY)
        verdict.figure(f"{what}, {state}: p99 of waiting", 1e3 * quantile(waits, 0.99), "ms", most=20e3 * plain.cpu)


def plan(verdict: Verdict, episodes_an_hour: float, cores: int, plain: Measured, per_question: float) -> None:
    rate = episodes_an_hour / 3600
    verdict.figure("CPU of an episode", 1e3 * plain.cpu, "ms")
    verdict.figure("episodes a second a core", BUSY / plain.cpu)
    verdict.figure("questions a second a core, answered elsewhere", BUSY / per_question)
    simulate(verdict, f"{episodes_an_hour:.3g} an hour", rate, cores, plain)
    simulate(verdict, "eight cores' worth", 8 * BUSY / plain.cpu, cores, plain)
    questions, latency = 16, 2.0
    expected = rate * questions * latency
    mean_count, most = under_way(rate, questions, latency, 60, seed=1)
    what = f"{questions} questions of {latency:.0f} s"
    verdict.figure(f"{what}: under way by the plan", expected)
    verdict.figure(f"{what}: simulated mean over the plan's", mean_count / expected, "", least=0.9, most=1.1)
    verdict.figure(f"{what}: simulated most over max_calls", most / (HEADROOM * expected), "", most=1)


def asks(server: Assayd) -> dict[str, float]:
    """What the server has asked the slow evaluator so far."""
    return {
        "episodes": server.metric("assay_episode_seconds_count"),
        "questions": server.metric('assay_questions_total{evaluator="slow",outcome="answered"}'),
        "calls": server.metric('assay_question_seconds_count{evaluator="slow"}'),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes-an-hour", type=float, default=1e6)
    parser.add_argument("--cores", type=int, default=2, help="of a replica")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    args = parser.parse_args()
    verdict = Verdict("capacity")
    calls, latency = 8, 0.1
    with tempfile.TemporaryDirectory() as folder:
        evaluator = SlowEvaluator(Path(folder), latency)
        with ended(evaluator):
            slow = evaluator.start().configured("slow", concurrency=calls)
            server = Assayd(Path(folder), "assayd", {"workers": 1, "evaluators": [slow]})
            with ended(server):
                server.start()
                vote = options_pb2.AttributionOptions(vote=options_pb2.VoteReplay())
                plain = asyncio.run(measure(server, vote, 1, args.seconds))
                named = options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name="slow"))
                before = asks(server)
                asked = asyncio.run(measure(server, named, 2 * calls, args.seconds))
                done = {name: count - before[name] for name, count in asks(server).items()}
    questions, rounds = done["questions"] / done["episodes"], done["calls"] / done["episodes"]
    verdict.figure("questions an episode asks", questions)
    verdict.figure("calls that it takes", rounds)
    # What the overload show rests on: the evaluator's calls, not CPU.
    predicted = calls / (latency * rounds)
    verdict.figure("goodput over calls / (latency x calls each)", asked.goodput / predicted, "", least=0.8, most=1.1)
    plan(verdict, args.episodes_an_hour, args.cores, plain, max(asked.cpu - plain.cpu, 1e-9) / questions)
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
