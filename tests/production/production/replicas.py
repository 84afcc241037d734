"""Three replicas under constant load; each in turn is terminated, started, killed and started again.

Behind the client's own round robin, or (--proxy) behind HAProxy as deploy/haproxy/haproxy.cfg configures it. No episode
is lost or doubled at the caller, every result is the one that an undisturbed server gives, and p99 is soon what it was.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from assay_rl.client.aio import AsyncClient
from assay_rl.client.outcomes import Failed, Outcome, Scored
from assay_rl.v1 import options_pb2

from production.fleet import ROOT, Assayd, Process, SlowEvaluator, Verdict, ended
from production.load import debate, quantile

SECONDS_TO_RECOVER = 5.0
# Slow enough that some episodes are always in flight.
LATENCY = 0.05
OPTIONS = options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name="slow"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HaProxy(Process):
    def __init__(self, folder: Path, replicas: list[Assayd]) -> None:
        super().__init__(folder / "haproxy.log")
        self.replicas = replicas
        self.target = ""

    def start(self) -> HaProxy:
        # Debian installs it where only root looks.
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None, "install Debian's haproxy: deploy/install_packages.sh proxy"
        self.target = f"127.0.0.1:{free_port()}"
        addresses = {f"ASSAY_REPLICA_{i}": replica.target for i, replica in enumerate(self.replicas, 1)}
        environment = {**os.environ, "ASSAY_BIND": self.target, **addresses}
        self.spawn([program, "-db", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg")], env=environment)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.target.rpartition(":")[2]))) == 0:
                    return self
            time.sleep(0.05)
        raise RuntimeError(self.log.read_text())


def content(outcome: Scored) -> bytes:
    return outcome.proto.signals.SerializeToString(deterministic=True)


@dataclass
class Record:
    """What the caller saw of one episode."""

    due: float
    answers: list[Outcome] = field(default_factory=list)
    done: float = 0.0


class Caller:
    """A trainer: the client library, some streams, so many episodes a second."""

    def __init__(self, client: AsyncClient, streams: int, rate: float) -> None:
        self.scorers = [client.open(OPTIONS) for _ in range(streams)]
        self.rate = rate
        self.records: dict[int, Record] = {}
        self._over = False

    def _add(self, number: int, due: float) -> None:
        record = self.records[number] = Record(due)

        def sink(outcome: Outcome) -> None:
            record.answers.append(outcome)
            record.done = time.monotonic()

        self.scorers[number % len(self.scorers)].add(debate(number), sink)

    async def run(self) -> None:
        start = time.monotonic()
        for number in itertools.count():
            due = start + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._over:
                break
            self._add(number, due)
        await asyncio.gather(*(scorer.finish() for scorer in self.scorers))

    def stop(self) -> None:
        self._over = True

    def p99(self, start: float, end: float) -> float:
        return quantile(
            [r.done - r.due if r.answers else 1e9 for r in self.records.values() if start <= r.due < end], 0.99
        )


async def references(target: str, numbers: list[int]) -> dict[int, bytes]:
    """What an undisturbed server answers, by another way: the unary call."""
    found = {}
    async with AsyncClient(target) as client:
        for first in range(0, len(numbers), 500):
            part = numbers[first : first + 500]
            batch = await client.compute([debate(number) for number in part], options=OPTIONS)
            for number, outcome in zip(part, batch.outcomes, strict=True):
                assert isinstance(outcome, Scored), outcome
                found[number] = content(outcome)
    return found


async def disturb(disturbed: list[Assayd], pause: float, caller: Caller, verdict: Verdict) -> None:
    await asyncio.sleep(8)
    now = time.monotonic()
    before = caller.p99(now - 5, now - 1)
    verdict.figure("p99 undisturbed", 1000 * before, "ms")
    for number, replica in enumerate(disturbed, 1):
        for what in ("terminated", "started", "killed", "started again"):
            since = time.monotonic()
            if what == "terminated":
                code = await asyncio.to_thread(replica.terminate)
                verdict.figure(f"replica {number} terminated: exit code", code, most=0)
            elif what == "killed":
                replica.kill()
            else:
                await asyncio.to_thread(replica.start)
            await asyncio.sleep(max(0.0, since + SECONDS_TO_RECOVER + pause - time.monotonic()))
            recovered = since + SECONDS_TO_RECOVER
            # What is due now is not yet answered.
            after = caller.p99(recovered, time.monotonic() - 1)
            verdict.figure(
                f"replica {number} {what}: p99 from {SECONDS_TO_RECOVER:.0f} s on", 1000 * after, "ms",
                most=1000 * max(3 * before, before + 0.1),
            )  # fmt: skip
            worst = max(r.done - r.due for r in caller.records.values() if since <= r.due < recovered and r.answers)
            verdict.figure(f"replica {number} {what}: slowest before", 1000 * worst, "ms")


def judge(caller: Caller, expected: dict[int, bytes], verdict: Verdict) -> None:
    failed = different = 0
    for number, record in caller.records.items():
        for outcome in record.answers:
            if isinstance(outcome, Scored):
                different += content(outcome) != expected[number]
            failed += isinstance(outcome, Failed)
    verdict.figure("episodes", len(caller.records))
    verdict.figure("lost", sum(not r.answers for r in caller.records.values()), most=0)
    verdict.figure("doubled", sum(len(r.answers) > 1 for r in caller.records.values()), most=0)
    verdict.figure("failed", failed, most=0)
    verdict.figure("other than an undisturbed server's", different, most=0)
    verdict.figure("streams opened", sum(scorer.connections for scorer in caller.scorers))


async def measure(replicas: list[Assayd], target: str, args: argparse.Namespace) -> int:
    verdict = Verdict("replicas behind " + ("HAProxy" if args.proxy else "round robin"))
    async with AsyncClient(target) as client:
        caller = Caller(client, args.streams, args.rate)
        running = asyncio.create_task(caller.run())
        await disturb(replicas[: args.disturb], args.pause, caller, verdict)
        caller.stop()
        await asyncio.wait_for(running, 120)
    answered = [r.metric('assay_episodes_total{outcome="ok"}') for r in replicas]
    verdict.figure("answered by the replica with least, since its last start", min(answered), least=1)
    judge(caller, await references(replicas[0].target, list(caller.records)), verdict)
    return verdict.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", action="store_true")
    parser.add_argument("--pause", type=float, default=5, help="seconds that are watched after each recovery")
    parser.add_argument("--disturb", type=int, default=3, help="how many of the replicas")
    parser.add_argument("--rate", type=float, default=60, help="episodes a second")
    parser.add_argument("--streams", type=int, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Streams move now and then, so that a replica that comes back gets some.
        config = {"workers": 1, "grace": "10s", "limits": {"maxStreamAge": "3s"}}
        evaluator = SlowEvaluator(folder, LATENCY)
        replicas = [Assayd(folder, f"replica{i}", dict(config)) for i in (1, 2, 3)]
        proxy = HaProxy(folder, replicas)
        with ended(proxy, *replicas, evaluator):
            evaluator.start()
            for replica in replicas:
                replica.config["evaluators"] = [evaluator.configured("slow")]
                replica.start()
            target = "ipv4:" + ",".join(replica.target for replica in replicas)
            if args.proxy:
                target = proxy.start().target
            return asyncio.run(measure(replicas, target, args))


if __name__ == "__main__":
    raise SystemExit(main())
