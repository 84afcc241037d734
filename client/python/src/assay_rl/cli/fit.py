"""assay-rl fit: episodes of any format in, the prior that `assay fit` learns from them out.

The learning has one implementation, the server's own; it is the program `assay`, which the wheel for Linux brings.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from assay_rl import programs
from assay_rl.cli.common import choices_of, fail, read_json
from assay_rl.cli.flags import Arguments, UsageError
from assay_rl.convert.files import FileError, read_episodes
from assay_rl.v1 import options_pb2


def run(arguments: Arguments) -> int:
    """The exit code of `assay fit`; 2 where a file cannot be read or the program is not there."""
    if not arguments.has("labels"):
        raise UsageError("fit needs --labels=FILE")
    labels, form = arguments.text("labels"), arguments.text("input-format")
    flags = [f"--{name}={arguments.text(name)}" for name in ("options", "output") if arguments.has(name)]
    try:
        if arguments.has("options"):
            read_json(arguments.text("options"), options_pb2.AttributionOptions)
        if form in ("episode", "log") and (labels == "-" or Path(labels).is_file()) and not _said_by_caller(arguments):
            context = arguments.text("context-agents")
            return _learn([f"--labels={labels}", f"--input-format={form}", f"--context-agents={context}", *flags])
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".jsonl") as episodes:
            for episode in read_episodes(labels, form, choices_of(arguments)):
                print(episode.to_json(), file=episodes)
            episodes.flush()
            return _learn([f"--labels={episodes.name}", *flags])
    except (FileError, OSError) as failure:
        return fail(failure)


def _said_by_caller(arguments: Arguments) -> bool:
    """Whether the call says what only this command takes."""
    return any(map(arguments.has, ("agents", "agent", "outcome", "reference", "sequential")))


def _learn(flags: list[str]) -> int:
    done = subprocess.run([programs.find("assay"), "fit", *flags], capture_output=True, check=False)
    sys.stdout.write(done.stdout.decode())
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        print("assay-rl: " + line.removeprefix("assay: ") if line.startswith("assay: ") else line, file=sys.stderr)
    return done.returncode
