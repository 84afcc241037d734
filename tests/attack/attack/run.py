"""Attacks a server of its own and measures it: `python -m attack.run [--mode M] [--seconds S] [--rounds N] [NAME...]`.

Each attack runs in a process of its own, from 127.0.0.2, beside a well-behaved client from 127.0.0.1. A line each:
memory of the server (before, peak, after, bound), descriptors (the same), when both were back, cores it used, the
client's latency and what it lost. Exit code 1 where a bound is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

import grpc
from assay_rl.v1 import signal_service_pb2, signal_service_pb2_grpc

from attack.attacks import ATTACKS, LET_IN
from attack.client import bearer, channel
from attack.server import MODES, Sample, Server
from attack.wire import Target

MIB = 1 << 20
MAX_P99 = 1.0
MAX_AGAIN = 1.0
# When memory and descriptors must be back, and what may be left of them then.
MAX_BACK = 10.0
LEFT_BYTES = 100 * MIB
LEFT_DESCRIPTORS = 8


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)


def reached(target: Target) -> float:
    """Seconds until a new connection is served."""
    began = time.monotonic()
    while time.monotonic() < began + MAX_BACK:
        try:
            with channel(target, ("attack", "again")) as through:
                stub = signal_service_pb2_grpc.SignalServiceStub(through)
                stub.GetServerInfo(signal_service_pb2.GetServerInfoRequest(), metadata=bearer(target), timeout=MAX_BACK)
            break
        except grpc.RpcError:
            time.sleep(0.05)
    return time.monotonic() - began


def watch(server: Server, samples: list[Sample], over: threading.Event) -> None:
    while not over.wait(0.05):
        try:
            samples.append(server.sample())
        except (OSError, IndexError):
            return


def measure(name: str, seconds: float, mode: str, descriptors: int | None) -> bool:
    """Whether all bounds were kept."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), mode, descriptors)
        try:
            return _measure(server, name, seconds)
        finally:
            server.stop()


def back(server: Server, before: Sample, since: float) -> tuple[Sample, float]:
    """What is left once it is little, or when that takes too long; and how long it took."""
    while True:
        left, took = server.sample(), time.monotonic() - since
        little = (
            left.resident < before.resident + LEFT_BYTES and left.descriptors <= before.descriptors + LEFT_DESCRIPTORS
        )
        if little or took > MAX_BACK:
            return left, took
        time.sleep(0.1)


def _measure(server: Server, name: str, seconds: float) -> bool:
    good = start("attack.good", json.dumps(asdict(server.target)), str(seconds + 2))
    assert good.stdout is not None
    good.stdout.readline()
    before, began = server.sample(), time.monotonic()
    samples, over = [before], threading.Event()
    watcher = threading.Thread(target=watch, args=(server, samples, over))
    watcher.start()
    time.sleep(1)
    if name != "nothing":
        attacker = start("attack.one", name, json.dumps(asdict(server.attacker(name in LET_IN))), str(seconds))
        try:
            attacker.wait(seconds + 30)
        except subprocess.TimeoutExpired:
            attacker.kill()
    ended = time.monotonic()
    again = reached(server.target)
    figures = json.loads(good.communicate(timeout=120)[0].splitlines()[-1])
    cores = (samples[-1].cpu - before.cpu) / (time.monotonic() - began)
    if server.process.poll() is not None:
        print(f"{name:24} THE SERVER HAS ENDED with {server.process.returncode}", flush=True)
        return False
    after, took = back(server, before, ended)
    over.set()
    watcher.join()
    peak = max(s.resident for s in samples)
    kept = {
        "memory": peak < server.bound,
        "p99": figures["p99"] < MAX_P99,
        "lost": not figures["lost"],
        "again": again < MAX_AGAIN,
        "back": took <= MAX_BACK,
    }
    broken = [what for what, fine in kept.items() if not fine]
    print(
        f"{name:24} {server.mode:6} memory {before.resident // MIB} -> {peak // MIB} -> {after.resident // MIB} of "
        f"{server.bound // MIB} MiB, descriptors {before.descriptors} -> {max(s.descriptors for s in samples)} -> "
        f"{after.descriptors}, back after {took:.1f} s, {cores:.2f} cores, p50 {figures['p50'] * 1000:.0f} "
        f"p99 {figures['p99'] * 1000:.0f} ms, lost {sum(figures['lost'].values())} of {figures['calls']} "
        f"{figures['lost'] or ''}, again {again:.2f} s, log {server.log_bytes() // 1024} KiB, "
        f"load {os.getloadavg()[0]:.0f}  {'BROKEN: ' + ' '.join(broken) if broken else 'kept'}",
        flush=True,
    )
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks; default: all, and `nothing` for comparison")
    parser.add_argument("--mode", choices=MODES, default="plain", help="how the server is reached (attack/server.py)")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(ATTACKS) - {"nothing"}
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    kept = True
    for name in arguments.names or ["nothing", *ATTACKS]:
        for _ in range(arguments.rounds):
            descriptors = 256 if name == "connections" else None
            kept &= measure(name, arguments.seconds, arguments.mode, descriptors)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
