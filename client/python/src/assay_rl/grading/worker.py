"""The process in which mathematics is read: started at first use, started again where it died or hung."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("mathematics.py")
_SECONDS = 120.0  # for the answers of one episode, and for the start


class WorkerDiedError(Exception):
    """The process ended, or was ended because it took too long, before it had answered."""


class Worker:
    """Sends a question to the process and waits for its answer. For any number of threads, which wait for each other.

    It is a plain child process and no multiprocessing: that would run the caller's main program a second time, and is
    refused in daemons such as the workers of a data loader.
    """

    def __init__(self) -> None:
        self._own(os.getpid())

    def _own(self, process: int) -> None:
        self._owner = process
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, reference: str, answers: list[str]) -> list[tuple[str, str]]:
        """(grade, class) of each answer. Raises WorkerDiedError; RuntimeError where the process cannot be started."""
        if self._owner != os.getpid():  # after a fork: the parent's process answers the parent
            self._own(os.getpid())
        with self._lock:
            process = self._process = self._process or _start()
            try:
                return [(grade, name) for grade, name in _exchange(process, json.dumps([reference, answers]))]
            except WorkerDiedError:
                self._end()
                raise

    def close(self) -> None:
        if self._owner == os.getpid():
            with self._lock:
                self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]


def _start() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=True,  # an interrupt of the caller is not one of what it had begun
    )
    try:
        _exchange(process, None)
    except WorkerDiedError as failure:
        raise RuntimeError(f"the process that reads mathematics did not start: {failure}") from failure
    return process


def _exchange(process: subprocess.Popen[str], line: str | None) -> Any:
    """Sends a line, if there is one, and reads the answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    limit = threading.Timer(_SECONDS, process.kill)
    limit.daemon = True
    limit.start()
    try:
        if line is not None:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        answer = process.stdout.readline()
    except OSError as failure:
        raise WorkerDiedError(str(failure)) from failure
    finally:
        limit.cancel()
    if not answer.endswith("\n"):
        raise WorkerDiedError(f"it ended with status {process.wait()}")
    return json.loads(answer)
