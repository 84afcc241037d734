#!/usr/bin/env python3
"""Ratios of assayd to the echo server: CPU an episode, throughput, latency; memory and start.

The two servers take turns within one run, pinned to one core, the load generator on another; each
figure is the median over the rounds. Prints one line a figure, `NAME VALUE UNIT`, and with --table
the raw numbers as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SERVICE_METHOD = "/assay.v1.SignalService/StreamSignals"
ECHO_METHOD = "/assay.benchmarks.EchoService/Echo"


class Server:
    """A server process on one core; stopped by its own pid on exit."""

    def __init__(self, command: list[str], core: int, method: str) -> None:
        self.method = method
        started = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.address = self._wait_for_address()
        self.ready_ms = 1000 * (time.monotonic() - started)

    def _wait_for_address(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # The echo's line, or assayd's log record.
            found = re.search(r'listening on [\d.]+:(\d+)|"event":"serving","port":(\d+)', line)
            if found:
                return f"127.0.0.1:{found.group(1) or found.group(2)}"
        raise RuntimeError("the server ended before it listened")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mib(self, field: str) -> float:
        """`field` of /proc/PID/status: VmRSS now, VmHWM at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found is not None
        return int(found.group(1)) / 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Load:
    """One run of the load generator."""

    per_second: float
    p50: float
    p99: float
    cpu_us: float  # of the server, an episode


def drive(server: Server, generator: str, core: int, seconds: float, **flags: object) -> Load:
    """Runs the generator against `server` and charges the server's CPU to the episodes answered."""
    command = ["taskset", "-c", str(core), generator, f"--server={server.address}", f"--method={server.method}"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    before = server.cpu_seconds()
    done = subprocess.run([*command, f"--seconds={seconds}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"load generator: {done.stdout}{done.stderr}")
    result = json.loads(done.stdout)
    cpu = server.cpu_seconds() - before
    return Load(result["per_second"], result["p50"], result["p99"], 1e6 * cpu / result["answered"])


class Bench:
    """Both servers, and the rounds in which they take turns."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.rows: list[tuple[str, str, Load]] = []
        self.servers = {
            "echo": Server([args.echo], args.server_core, ECHO_METHOD),
            "assayd": Server([args.assayd, *args.assayd_flags.split()], args.server_core, SERVICE_METHOD),
        }

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()

    def run(self, who: str, what: str, **flags: object) -> Load:
        load = drive(self.servers[who], self.args.generator, self.args.client_core, self.args.seconds, **flags)
        self.rows.append((who, what, load))
        return load

    def rounds(self, what: str, **flags: object) -> tuple[list[Load], list[Load]]:
        """(assayd, echo), a warm-up round not counted."""
        for who in ("assayd", "echo"):
            drive(self.servers[who], self.args.generator, self.args.client_core, 1, **flags)
        service, echo = [], []
        for _ in range(self.args.rounds):
            service.append(self.run("assayd", what, **flags))
            echo.append(self.run("echo", what, **flags))
        return service, echo


def ratio(service: list[Load], echo: list[Load], field: str) -> float:
    """Median of the ratios, pair by pair: the speed of the machine drifts."""
    return statistics.median(getattr(s, field) / getattr(e, field) for s, e in zip(service, echo, strict=True))


def measure(bench: Bench) -> dict[str, tuple[float, str]]:
    """All figures of the wire."""
    figures: dict[str, tuple[float, str]] = {}
    small = {"bytes": 4096, "streams": 4, "window": 16}
    service, echo = bench.rounds("4 KiB", **small)
    figures["service_cpu_over_echo_4k"] = (ratio(service, echo, "cpu_us"), "ratio")
    full, echo_full = bench.rounds("4 KiB, full audit", **small, audit="full")
    figures["service_cpu_over_echo_4k_full_audit"] = (ratio(full, echo_full, "cpu_us"), "ratio")
    big = {"bytes": 65536, "streams": 4, "window": 8}
    service, echo = bench.rounds("64 KiB", **big)
    figures["service_cpu_over_echo_64k"] = (ratio(service, echo, "cpu_us"), "ratio")
    computed, _ = bench.rounds("64 KiB, redundancy computed", **big, given_redundancy="false")
    extra = statistics.median(c.cpu_us - s.cpu_us for c, s in zip(computed, service, strict=True))
    figures["redundancy_ns_per_byte"] = (1000 * extra / 65536, "ns/byte")
    service, echo = bench.rounds("saturation, 16 streams", bytes=4096, streams=16, window=16)
    figures["throughput_over_echo"] = (ratio(service, echo, "per_second"), "ratio")
    half = 0.5 * statistics.median(s.per_second for s in service)
    service, echo = bench.rounds("half of saturation", bytes=4096, streams=16, window=16, rate=half)
    figures["p99_over_echo"] = (ratio(service, echo, "p99"), "ratio")
    return figures


def measure_process(args: argparse.Namespace) -> dict[str, tuple[float, str]]:
    """Start and memory, each of a server of its own."""
    command = [args.assayd, *args.assayd_flags.split()]
    servers = [Server(command, args.server_core, SERVICE_METHOD) for _ in range(args.rounds)]
    try:
        figures = {
            "start_to_ready": (statistics.median(server.ready_ms for server in servers), "ms"),
            "memory_idle": (statistics.median(server.memory_mib("VmRSS") for server in servers), "MiB"),
        }
        for streams, window in ((16, 16), (16, 64)):
            server = servers.pop()
            try:
                load = {"bytes": 65536, "streams": streams, "window": window}
                drive(server, args.generator, args.client_core, args.seconds, **load)
                in_flight = streams * window * 65536 / 2**20
                # At most 100 MiB more than 3 times the bytes in flight.
                name = f"memory_beyond_3_times_{in_flight:.0f}_mib"
                figures[name] = (server.memory_mib("VmHWM") - 3 * in_flight, "MiB")
            finally:
                server.stop()
    finally:
        for server in servers:
            server.stop()
    return figures


def table(bench: Bench, figures: dict[str, tuple[float, str]], revision: str) -> str:
    """The raw numbers, for tests/benchmarks/RAW.md."""
    model = next(
        (s.split(":")[1].strip() for s in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in s), "?"
    )
    busy = f"load {os.getloadavg()[1]:.0f}"
    machine = f"{model}, {os.cpu_count()} cores, {platform.release()}, {busy}"
    lines = [f"{machine}, revision {revision}, {time.strftime('%Y-%m-%d')}", ""]
    lines += ["| server | load | episodes/s | CPU an episode, us | p50, us | p99, us |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {who} | {what} | {load.per_second:.0f} | {load.cpu_us:.1f} | {load.p50:.0f} | {load.p99:.0f} |"
        for who, what, load in bench.rows
    ]
    lines += ["", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {value:.3f} {unit} |" for name, (value, unit) in figures.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--echo", required=True)
    parser.add_argument("--assayd", required=True)
    parser.add_argument("--assayd-flags", default="--listen=127.0.0.1:0 --metrics=127.0.0.1:0")
    parser.add_argument("--generator", required=True)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--revision", default="unknown")
    parser.add_argument("--table", type=Path)
    args = parser.parse_args()
    figures = measure_process(args)
    bench = Bench(args)
    try:
        figures |= measure(bench)
    finally:
        bench.stop()
    if args.table:
        args.table.write_text(table(bench, figures, args.revision))
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.4f} {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
