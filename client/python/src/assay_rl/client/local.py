"""A private server for this process: the `assayd` of the installed package, on a Unix socket, ended with its user.

with local() as server, Client(server.target) as client:
    batch = client.score_batch(episodes)
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from assay_rl import programs

_FLAGS = ("--metrics=none", "--stop-with-stdin")
_POLL_SECONDS = 0.01


class LocalServerError(RuntimeError):
    """The server could not be started; the message holds what it printed last."""


class LocalServer:
    """An `assayd` of its own for this process. `target` is what Client takes.

    It listens on a Unix socket in a folder that only this user can open, serves no metrics, and ends on close(), at the
    exit of the interpreter, or with the process. After a fork the child must start its own.
    """

    def __init__(self, arguments: Sequence[str] = (), *, start_timeout: float = 30) -> None:
        """Starts the server and returns when it serves.

        arguments: further flags of assayd, such as --config=FILE. start_timeout: seconds until LocalServerError.
        Raises programs.ProgramNotFoundError where neither the package nor the machine has `assayd`.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="assay-"))
        socket = self._folder / "socket"
        self.target = f"unix:{socket}"
        self._log = self._folder / "log"
        self._owner = os.getpid()
        self._lock = threading.Lock()
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [programs.find("assayd"), f"--listen={self.target}", *_FLAGS, *arguments],
                    # Never written to: it closes when this process ends, however that happens, and the server ends.
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for the trainer, which may still want answers.
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        atexit.register(self.close)
        self._wait_until_it_serves(start_timeout)

    def _wait_until_it_serves(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while b'"serving"' not in self._log.read_bytes():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                said = self._log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
                self.close()
                how = f"ended with exit code {self._process.returncode}" if ended else f"is not ready after {timeout} s"
                raise LocalServerError(f"assayd {how}: {said}")
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Ends the server, which finishes what is in flight. May be called again; does nothing in a forked child."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._process.poll() is None:
                self._process.terminate()
                try:
                    self._process.wait(timeout=35)  # its own grace is 30 s
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_shared: LocalServer | None = None
_shared_lock = threading.Lock()


def local(*arguments: str, start_timeout: float = 30) -> LocalServer:
    """Starts a private server; see LocalServer."""
    return LocalServer(arguments, start_timeout=start_timeout)


def shared_target() -> str:
    """The target of the one server that all clients without an address share in this process; started at first use."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared._owner != os.getpid():
            _shared = LocalServer()
        return _shared.target
