"""Processes under test: assayd and the slow evaluator. Each is ended by its own pid."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ASSAYD = Path(os.environ.get("ASSAYD", ROOT / "build/release/server/assayd"))
START_SECONDS = 60


class Process:
    """A child whose standard error goes to a file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.child: subprocess.Popen[bytes] | None = None

    def spawn(self, command: list[str], **arguments: Any) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **arguments)

    def wait_for(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The first match in what was logged after the first `since` bytes."""
        deadline = time.monotonic() + START_SECONDS
        text = ""
        while time.monotonic() < deadline:
            text = self.log.read_bytes()[since:].decode(errors="replace")
            if found := re.search(pattern, text):
                return found
            if self.child is None or self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"no {pattern} in {self.log}: {text[-2000:]}")

    def kill(self) -> None:
        """Without a farewell."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def terminate(self, seconds: float = 60) -> int:
        """With one. Returns the exit code."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(seconds)
        self.child = None
        return code


class Assayd(Process):
    """One server; after a restart it has the ports that it had before."""

    def __init__(self, folder: Path, name: str, config: dict[str, Any]) -> None:
        super().__init__(folder / f"{name}.log")
        self.config = {"listen": "127.0.0.1:0", "metrics": "127.0.0.1:0", **config}
        self.file = folder / f"{name}.json"
        self.port = self.metrics_port = 0

    def start(self) -> Assayd:
        self.file.write_text(json.dumps(self.config))
        since = self.log.stat().st_size if self.log.exists() else 0
        self.spawn([str(ASSAYD), f"--config={self.file}"])
        found = self.wait_for(r'"event":"serving","port":(\d+),"metrics_port":(\d+)', since)
        self.port, self.metrics_port = int(found[1]), int(found[2])
        self.config["listen"] = re.sub(r"\d+$", found[1], self.config["listen"])
        self.config["metrics"] = f"127.0.0.1:{self.metrics_port}"
        return self

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def memory_bound(self) -> int:
        """Bytes, as the server itself computes them from its configuration."""
        self.file.write_text(json.dumps(self.config))
        checked = subprocess.run(
            [str(ASSAYD), f"--config={self.file}", "--check-config"], capture_output=True, text=True, check=True
        )
        found = re.search(r"below (\d+) MiB", checked.stdout)
        assert found is not None, checked.stdout
        return int(found[1]) << 20

    def memory(self, field: str = "VmRSS") -> int:
        assert self.child is not None
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{self.child.pid}/status").read_text(), re.M)
        assert found is not None
        return int(found[1]) << 10

    def peak_memory(self) -> int:
        return self.memory("VmHWM")

    def metric(self, sample: str) -> float:
        """The value of a sample such as assay_streams or assay_episodes_total{outcome="ok"}."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20) as page:
            for line in page.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                if name == sample:
                    return float(value)
        raise KeyError(sample)


class SlowEvaluator(Process):
    """Answers coalitions after a fixed time, whatever is asked: capacity without CPU."""

    def __init__(self, folder: Path, latency: float) -> None:
        super().__init__(folder / "evaluator.log")
        self.latency = latency
        self.target = ""

    def start(self) -> SlowEvaluator:
        self.spawn(
            [sys.executable, "-m", "production.slow_evaluator", str(self.latency)],
            cwd=Path(__file__).resolve().parents[1],
        )
        self.target = self.wait_for(r"listening on (\S+)")[1]
        return self

    def configured(self, name: str, **settings: Any) -> dict[str, Any]:
        """An evaluator of the server's configuration."""
        traits = {"supports": ["coalition"], "deterministic": True}
        return {"name": name, "remote": {"endpoints": [self.target], "traits": traits}, "cacheBytes": "0", **settings}


@contextlib.contextmanager
def ended(*processes: Process) -> Iterator[None]:
    """Whatever happens, none of them is left."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()


class MemoryWatch:
    """Largest resident size seen between two looks of the same thread."""

    def __init__(self, server: Assayd, seconds: float = 0.25) -> None:
        self.server, self.seconds = server, seconds
        self.largest = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(self.seconds):
            with contextlib.suppress(OSError, AssertionError):
                self.largest = max(self.largest, self.server.memory())

    def __enter__(self) -> MemoryWatch:
        self.largest = self.server.memory()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Verdict:
    """Prints each figure with its bound and remembers whether one was missed."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.good = True

    def figure(self, name: str, value: float, unit: str = "", **bound: float) -> None:
        """`most` or `least` is the bound; without one the figure is only told."""
        most, least = bound.get("most"), bound.get("least")
        good = (most is None or value <= most) and (least is None or value >= least)
        self.good &= good
        told = "".join(f"  (at {which} {limit:.4g})" for which, limit in bound.items())
        print(f"{'  ' if good else '! '}{name:<52} {value:10.4g} {unit}{told}", flush=True)

    def close(self) -> int:
        load = os.getloadavg()[0]
        print(f"{self.what}: {'passed' if self.good else 'FAILED'} (machine load {load:.1f})", flush=True)
        return 0 if self.good else 1
