"""What the benchmarks of the wire share: server processes, and the load generator's runs against them."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SERVICE_METHOD = "/assay.v1.SignalService/StreamSignals"
ECHO_METHOD = "/assay.benchmarks.EchoService/Echo"
ASSAYD_FLAGS = ("--listen=127.0.0.1:0", "--metrics=127.0.0.1:0")


@dataclass(frozen=True)
class Work:
    """What a process has done so far: processor seconds in its own code and in the kernel, and how often it waited."""

    user: float
    system: float
    waits: int  # of its threads, voluntary context switches

    def __sub__(self, other: Work) -> Work:
        return Work(self.user - other.user, self.system - other.system, self.waits - other.waits)


def waits_of(thread: Path) -> int:
    """How often it waited, by its folder in /proc; 0 where it has just ended."""
    try:
        status = (thread / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)
    return int(found.group(1)) if found else 0


class Server:
    """A server process on `cores` (as taskset takes them); stopped by its own pid."""

    def __init__(self, command: Sequence[str], cores: str, method: str) -> None:
        self.method = method
        started = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", cores, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.address, self.http = self._wait_for_addresses()
        self.ready_ms = 1000 * (time.monotonic() - started)

    def _wait_for_addresses(self) -> tuple[str, str]:
        """Of gRPC, and of HTTP or an empty string."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # The echo's line, or assayd's log record.
            found = re.search(r'listening on [\d.]+:(\d+)|"event":"serving","port":(\d+)', line)
            if found:
                http = re.search(r'"http_port":(\d+)', line)
                return f"127.0.0.1:{found.group(1) or found.group(2)}", f"127.0.0.1:{http.group(1)}" if http else ""
        raise RuntimeError("the server ended before it listened")

    def work(self) -> Work:
        folder = Path(f"/proc/{self.process.pid}")
        fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        waits = sum(waits_of(thread) for thread in (folder / "task").iterdir())
        return Work(int(fields[11]) / TICK, int(fields[12]) / TICK, waits)

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


def assayd(binary: str, cores: str, *flags: str) -> Server:
    return Server([binary, *ASSAYD_FLAGS, *flags], cores, SERVICE_METHOD)


@dataclass
class Load:
    """One run of the load generator. An episode: microseconds of the server's CPU, and how often it waited."""

    per_second: float
    p50: float
    p99: float
    cpu_us: float
    system_us: float  # of them, in the kernel
    waits: float


def generate(server: Server, generator: str, core: int | str, seconds: float, **flags: object) -> subprocess.Popen[str]:
    """Starts the load generator against `server`; `finish` waits for it."""
    command = ["taskset", "-c", str(core), generator, f"--server={server.address}", f"--method={server.method}"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    return subprocess.Popen(
        [*command, f"--seconds={seconds}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> dict[str, float]:
    """What the load generator found, as it prints it."""
    out, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"load generator: {out}{errors}")
    found: dict[str, float] = json.loads(out)
    return found


def drive(server: Server, generator: str, core: int | str, seconds: float, **flags: object) -> Load:
    """Runs the generator against `server` and charges the server's work to the episodes answered."""
    before = server.work()
    result = finish(generate(server, generator, core, seconds, **flags))
    done = server.work() - before
    answered = result["answered"]
    return Load(
        result["per_second"],
        result["p50"],
        result["p99"],
        1e6 * (done.user + done.system) / answered,
        1e6 * done.system / answered,
        done.waits / answered,
    )


@dataclass
class Figure:
    """The median of the rounds."""

    rounds: Sequence[float]
    unit: str = "ratio"

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    def spread(self) -> float:
        """The largest over the least, where one is left out on either side."""
        ordered = sorted(self.rounds)
        outer = 1 if len(ordered) > 3 else 0
        return ordered[-1 - outer] / ordered[outer] if ordered[outer] > 0 else float("inf")


def show(figures: dict[str, Figure]) -> None:
    """One line a figure, `NAME VALUE UNIT`; before those of several rounds, how far these lie apart (quiet.py)."""
    for name, figure in figures.items():
        if len(figure.rounds) > 1:
            print(f"# spread {name} {figure.spread():.3f}")
        print(f"{name} {figure.value:.4f} {figure.unit}", flush=True)


def ratio(service: Sequence[Load], echo: Sequence[Load], field: str) -> Figure:
    """Pair by pair: the speed of the machine drifts."""
    return Figure([getattr(s, field) / getattr(e, field) for s, e in zip(service, echo, strict=True)])
