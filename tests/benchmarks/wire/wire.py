#!/usr/bin/env python3
"""Ratios of assayd to the echo server: CPU an episode, throughput, latency; memory and start.

The two servers take turns within one run, pinned to one core, the load generator on another; each figure is the median
over the rounds. Prints one line a figure, `NAME VALUE UNIT`, and with --table the raw numbers as Markdown.

What a ratio is made of, so that it can be told why it differs between machines: `..._system_share`, how much of a
server's CPU an episode is the kernel's, and `..._waits`, how often its threads waited an episode (each is a wake-up).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from servers import ECHO_METHOD, Figure, Load, Server, assayd, drive, ratio, show


class Bench:
    """Both servers, and the rounds in which they take turns."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.rows: list[tuple[str, str, Load]] = []
        self.servers = {
            "echo": Server([args.echo], args.server_core, ECHO_METHOD),
            "assayd": assayd(args.assayd, args.server_core),
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


def parts(name: str, loads: list[Load]) -> dict[str, Figure]:
    """What the CPU of one server is made of."""
    return {
        f"{name}_system_share": Figure([load.system_us / load.cpu_us for load in loads], "share"),
        f"{name}_waits": Figure([load.waits for load in loads], "an_episode"),
    }


def measure(bench: Bench) -> dict[str, Figure]:
    """All figures of the wire."""
    figures: dict[str, Figure] = {}
    small = {"bytes": 4096, "streams": 4, "window": 16}
    service, echo = bench.rounds("4 KiB", **small)
    figures["service_cpu_over_echo_4k"] = ratio(service, echo, "cpu_us")
    figures |= parts("service_4k", service) | parts("echo_4k", echo)
    full, echo_full = bench.rounds("4 KiB, full audit", **small, audit="full")
    figures["service_cpu_over_echo_4k_full_audit"] = ratio(full, echo_full, "cpu_us")
    big = {"bytes": 65536, "streams": 4, "window": 8}
    service, echo = bench.rounds("64 KiB", **big)
    figures["service_cpu_over_echo_64k"] = ratio(service, echo, "cpu_us")
    computed, _ = bench.rounds("64 KiB, redundancy computed", **big, given_redundancy="false")
    extra = [1000 * (c.cpu_us - s.cpu_us) / 65536 for c, s in zip(computed, service, strict=True)]
    figures["redundancy_ns_per_byte"] = Figure(extra, "ns/byte")
    service, echo = bench.rounds("saturation, 16 streams", bytes=4096, streams=16, window=16)
    figures["throughput_over_echo"] = ratio(service, echo, "per_second")
    half = 0.5 * statistics.median(s.per_second for s in service)
    service, echo = bench.rounds("half of saturation", bytes=4096, streams=16, window=16, rate=half)
    figures["p99_over_echo"] = ratio(service, echo, "p99")
    service, echo = bench.rounds("one at a time", bytes=4096, streams=1, window=1)
    figures["lone_p50_over_echo"] = ratio(service, echo, "p50")
    figures["lone_cpu_over_echo"] = ratio(service, echo, "cpu_us")
    return figures


def measure_process(args: argparse.Namespace) -> dict[str, Figure]:
    """Start and memory, each of a server of its own."""
    servers = [assayd(args.assayd, args.server_core) for _ in range(args.rounds)]
    try:
        figures = {
            "start_to_ready": Figure([server.ready_ms for server in servers], "ms"),
            "memory_idle": Figure([server.memory_mib("VmRSS") for server in servers], "MiB"),
        }
        for streams, window in ((16, 16), (16, 64)):
            server = servers.pop()
            try:
                load = {"bytes": 65536, "streams": streams, "window": window}
                drive(server, args.generator, args.client_core, args.seconds, **load)
                in_flight = streams * window * 65536 / 2**20
                # At most 100 MiB more than 3 times the bytes in flight.
                name = f"memory_beyond_3_times_{in_flight:.0f}_mib"
                figures[name] = Figure([server.memory_mib("VmHWM") - 3 * in_flight], "MiB")
            finally:
                server.stop()
    finally:
        for server in servers:
            server.stop()
    return figures


def table(bench: Bench, figures: dict[str, Figure], revision: str) -> str:
    """The raw numbers, for tests/benchmarks/RAW.md."""
    model = next(
        (s.split(":")[1].strip() for s in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in s), "?"
    )
    busy = f"load {os.getloadavg()[1]:.0f}"
    machine = f"{model}, {os.cpu_count()} cores, {platform.release()}, {busy}"
    lines = [f"{machine}, revision {revision}, {time.strftime('%Y-%m-%d')}", ""]
    lines += ["CPU in microseconds and waits of threads are an episode's.", ""]
    lines += ["| server | load | episodes/s | CPU | in the kernel | waits | p50, us | p99, us |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    lines += [
        f"| {who} | {what} | {load.per_second:.0f} | {load.cpu_us:.1f} | {load.system_us:.1f} | {load.waits:.2f} | "
        f"{load.p50:.0f} | {load.p99:.0f} |"
        for who, what, load in bench.rows
    ]
    lines += ["", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {figure.value:.3f} {figure.unit} |" for name, figure in figures.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--echo", required=True)
    parser.add_argument("--assayd", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--server-core", default="0")
    parser.add_argument("--client-core", default="1")
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
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
