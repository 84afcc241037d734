"""assay-rl convert: traces, logs and rollouts of other tools in, one Episode a line out."""

from __future__ import annotations

import sys
from pathlib import Path

from assay_rl.cli.flags import Arguments
from assay_rl.cli.inputs import choices_of, fail
from assay_rl.convert.files import AUTO, NAMES, FileError, Summary, output_file, read_episodes


def run(arguments: Arguments) -> int:
    """0 everything was read, 2 a file cannot be read or holds no episode."""
    form, files = _split(list(arguments.names))
    summary = Summary()
    try:
        with output_file(arguments.text("output")) as out:
            for episode in read_episodes(files, form, choices_of(arguments), summary):
                print(episode.to_json(), file=out)
    except (FileError, OSError) as failure:
        return fail(failure)
    if not summary.episodes:
        return fail(f"{', '.join(files)}: no episodes")
    if not arguments.has("quiet"):
        for line in summary.lines():
            print(f"assay-rl: {line}", file=sys.stderr)
    return 0


def _split(names: list[str]) -> tuple[str, list[str]]:
    """The format, if the first name is one and no file, and the files; no file is standard input."""
    if names[0] in (AUTO, *NAMES) and not (len(names) == 1 and Path(names[0]).exists()):
        return names[0], names[1:] or ["-"]
    return AUTO, names
