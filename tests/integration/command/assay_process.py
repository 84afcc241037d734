"""assayd and the assay command as processes, for tests that see them as a user does.

Environment: ASSAYD and ASSAY, the paths of the two programs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared"))
SKIPPED = 77
# Seconds after which something will never end: far beyond what it takes on the busiest machine.
HANGS = 3000
SERVING = re.compile(r'"serving".*"port": *(\d+).*"metrics_port": *(\d+)')


def data_or_skip(*names: str) -> list[Path]:
    """The named files of the shared data; ends the program as skipped where one is absent."""
    paths = [SHARED / "data" / name for name in names]
    for path in paths:
        if not path.exists():
            print(f"skipped: {path} is not there")
            sys.exit(SKIPPED)
    return paths


class Server:
    """A running assayd. Ends, with its process, when the context does."""

    def __init__(self, *flags: str, listen: str = "127.0.0.1:0") -> None:
        self._flags = flags
        self._listen = listen

    def __enter__(self) -> Server:
        self._log = tempfile.NamedTemporaryFile(suffix=".log")
        program = os.environ["ASSAYD"]
        self.process = subprocess.Popen(
            [program, f"--listen={self._listen}", "--metrics=127.0.0.1:0", *self._flags],
            stderr=self._log,
        )
        deadline = time.monotonic() + HANGS
        while not (ports := SERVING.search(self.log())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"assayd does not serve:\n{self.log()}")
            time.sleep(0.02)
        self.address = f"127.0.0.1:{ports[1]}"
        self.metrics_address = f"127.0.0.1:{ports[2]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            code = self.process.wait(timeout=HANGS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise RuntimeError("assayd does not end on SIGTERM") from None
        if kind is None and code != 0:
            raise RuntimeError(f"assayd ended with {code}:\n{self.log()}")

    def log(self) -> str:
        # Not by the file object: the server writes at the position that it shares.
        return Path(self._log.name).read_text()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.metrics_address}/metrics", timeout=HANGS) as page:
            text: str = page.read().decode()
            return text

    def assay(
        self, command: str, *flags: str, stdin: bytes = b"", timeout: float = HANGS
    ) -> subprocess.CompletedProcess[str]:
        address = [f"--server={self.address}"] if command in ("signals", "info") else []
        run = subprocess.run(
            [os.environ["ASSAY"], command, *address, *flags],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return subprocess.CompletedProcess(
            run.args, run.returncode, run.stdout.decode(), run.stderr.decode()
        )

    def signals(
        self, stdin: bytes, options: dict[str, Any] | None = None, *flags: str, expect: int = 0
    ) -> list[dict[str, Any]]:
        """The lines that `assay signals` prints; fails where its exit code is not `expect`."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(options or {}, file)
            file.flush()
            run = self.assay("signals", f"--options={file.name}", *flags, stdin=stdin)
        if run.returncode != expect:
            raise AssertionError(f"assay signals ended with {run.returncode}: {run.stderr}")
        return [json.loads(line) for line in run.stdout.splitlines()]
