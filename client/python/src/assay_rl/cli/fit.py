"""assay-rl fit: episodes of any format in, the prior that `assay fit` learns from them out.

The learning has one implementation, the server's own; it is the program `assay`, which the wheel for Linux brings.
"""

from __future__ import annotations

import re
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
    form = arguments.text("input-format")
    collections = [_named(text) for text in arguments.all("labels")]
    flags = [f"--{name}={arguments.text(name)}" for name in ("options", "output") if arguments.has(name)]
    try:
        if arguments.has("options"):
            read_json(arguments.text("options"), options_pb2.AttributionOptions)
        readable = all(file == "-" or Path(file).is_file() for _, file in collections)
        if form in ("episode", "log") and readable and not _said_by_caller(arguments):
            labels = [f"--labels={text}" for text in arguments.all("labels")]
            context = arguments.text("context-agents")
            return _learn([*labels, f"--input-format={form}", f"--context-agents={context}", *flags])
        with tempfile.TemporaryDirectory() as folder:
            labels = []
            for number, (name, file) in enumerate(collections):
                held = Path(folder) / f"{number}.jsonl"
                with held.open("w", encoding="utf-8") as episodes:
                    for episode in read_episodes(file, form, choices_of(arguments)):
                        print(episode.to_json(), file=episodes)
                labels.append(f"--labels={name}={held}")
            return _learn([*labels, *flags])
    except (FileError, OSError) as failure:
        return fail(failure)


def _named(text: str) -> tuple[str, str]:
    """Name and file of a collection: NAME=FILE, or FILE, whose name is then that of the file without its endings."""
    found = re.fullmatch(r"([^=/]+)=(.*)", text, re.DOTALL)
    if found:
        return found[1], found[2]
    name = text.rsplit("/", 1)[-1].split(".", 1)[0]
    return "labels" if name in ("", "-") else name, text


def _said_by_caller(arguments: Arguments) -> bool:
    """Whether the call says what only this command takes."""
    return any(map(arguments.has, ("agents", "agent", "outcome", "reference", "sequential", "kinds")))


def _learn(flags: list[str]) -> int:
    done = subprocess.run([programs.find("assay"), "fit", *flags], capture_output=True, check=False)
    sys.stdout.write(done.stdout.decode())
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        print("assay-rl: " + line.removeprefix("assay: ") if line.startswith("assay: ") else line, file=sys.stderr)
    return done.returncode
