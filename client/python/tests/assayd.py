"""The real server for integration tests: ASSAYD names the binary, else a build folder of the repository has it."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay_rl
from assay_rl.convert import from_record

# Seconds after which something will never end: far beyond what it takes on the busiest machine.
HANGS = 3000
# Seconds, tried in turn where something must end before something else: what a busy machine cannot do in the first of
# them it does in a later one.
LIMITS = (0.5, 5.0, 50.0, 500.0)
REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("ASSAY_SHARED", REPOSITORY.parent / "shared"))


def binary() -> Path | None:
    given = os.environ.get("ASSAYD")
    if given:
        return Path(given)
    for folder in sorted(REPOSITORY.glob("build*")):
        for candidate in (folder / "assayd", folder / "server" / "assayd", folder / "bin" / "assayd"):
            if candidate.is_file() and os.access(candidate, os.X_OK):
                return candidate
    return None


def command() -> Path | None:
    """The C++ command line beside the server's binary, or where ASSAY says."""
    given, server = os.environ.get("ASSAY"), binary()
    if given or server is None:
        return Path(given) if given else None
    for root in server.resolve().parents[:3]:
        for found in (root / "assay", root / "client" / "command" / "assay"):
            if found.is_file() and os.access(found, os.X_OK):
                return found
    return None


needs_assayd = pytest.mark.skipif(
    binary() is None, reason="assayd is not built: ninja -C build assayd, or set ASSAYD to the binary"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Assayd:
    """One server process; stop() and start() keep the port."""

    def __init__(self, *flags: str) -> None:
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the server)

    def start(self) -> Assayd:
        path = binary()
        assert path is not None
        self._process = subprocess.Popen(
            [str(path), f"--listen={self.target}", f"--metrics=127.0.0.1:{free_port()}", *self._flags],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + HANGS
        with assay_rl.Client(self.target) as client:
            while True:
                try:
                    client.info(timeout=1.0)
                    return self
                except assay_rl.AssayError:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"assayd did not start: {self.log()}") from None
                    time.sleep(0.05)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def kill(self) -> None:
        """Without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(HANGS)
            self._process = None

    def stop(self) -> None:
        """With one: the server drains."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(HANGS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(HANGS)
            self._process = None


@contextlib.contextmanager
def running(*flags: str) -> Iterator[Assayd]:
    server = Assayd(*flags).start()
    try:
        yield server
    finally:
        server.kill()


def records(name: str, count: int | None = None) -> list[dict[str, Any]]:
    """Real records; the test is skipped where the shared folder is absent."""
    path = SHARED / "data" / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not there; set ASSAY_SHARED")
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if count is not None and len(found) == count:
                break
            found.append(json.loads(line))
    return found


def episodes(name: str, count: int | None = None) -> list[assay_rl.Episode]:
    return [from_record(record) for record in records(name, count)]


DYLAN_MMLU = {"vote": {"emptyBallots": True, "grader": "GRADER_CHOICE"}}
