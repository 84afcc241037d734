"""A program in a terminal of its own, for what programs do in terminals alone."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from assayd import HANGS


class Terminal:
    """Types, and reads what is shown. Use it as a context."""

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder, start_new_session=True
        )
        os.close(theirs)
        self._shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, keys: str, expected: str) -> None:
        """Types keys and waits until the terminal shows what is expected, which is then taken as read."""
        os.write(self._ours, keys.encode())
        while expected not in self._shown:
            ready, _, _ = select.select([self._ours], [], [], HANGS)
            if not ready:
                raise AssertionError(f"{keys!r} does not lead to {expected!r}: {self._shown!r}")
            self._shown += os.read(self._ours, 65536).decode(errors="replace").replace("\x07", "")
        self._shown = self._shown.partition(expected)[2]
