"""assay-rl convert: traces, logs and rollouts of other tools in, one Episode a line out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from assay_rl.cli.inputs import add_choices, add_grade, choices_of
from assay_rl.cli.parsers import FORMAT_OR_FILE
from assay_rl.client.episodes import Episode
from assay_rl.convert.files import AUTO, NAMES, FileError, Summary, output_file, read_episodes
from assay_rl.grading import Kind, grader_of, told

_EPILOG = f"""FORMAT is one of: {", ".join(NAMES)}. FORMATS.md of the package tells what each is.
A FILE may be JSON in any layout, a text log, a folder, a zip archive or an Inspect .eval, plain or gzip; - is standard
input. Exit status: 0 written, 2 unreadable input."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl convert",
        usage="assay-rl convert [FORMAT] FILE... [-o FILE]",
        description="Turns files of any known format into episodes, one JSON line each, and says on standard error\n"
        "who became an agent, who is context, and what was left out and why.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", metavar=FORMAT_OR_FILE, help="without FORMAT each file shows its own")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary")
    add_choices(parser)
    add_grade(parser, "write classes in place of answers: the reference answer for right ones, another for others")
    return parser


def main(argv: Sequence[str]) -> int:
    """Exit code 0 where everything was read, 2 for bad input."""
    arguments = parser().parse_args(argv)
    form, files = _split(arguments.names)
    summary = Summary()
    try:
        with output_file(arguments.output) as out:
            episodes: Iterable[Episode] = read_episodes(files, form, choices_of(arguments), summary)
            if arguments.grade:
                episodes = _graded(episodes, arguments.grade, summary)
            for episode in episodes:
                if not any(message.agent for message in episode.messages):
                    raise FileError(f"episode {episode.id!r}: no message of an agent")
                print(episode.to_json(), file=out)
    except (FileError, ImportError, OSError) as failure:
        print(f"assay-rl convert: {failure}", file=sys.stderr)
        return 2
    if not summary.episodes:
        print(f"assay-rl convert: {', '.join(files)}: no episodes", file=sys.stderr)
        return 2
    if not arguments.quiet:
        for line in summary.lines():
            print(f"assay-rl convert: {line}", file=sys.stderr)
    return 0


def _graded(episodes: Iterable[Episode], kind: Kind, summary: Summary) -> Iterator[Episode]:
    without = 0
    with grader_of(kind) as grader:
        for episode in episodes:
            without += not episode.task.reference_answer
            yield grader.grade(episode).episode
        summary.graded = f"answers by {kind}: {told(grader.counts)}; they are classes now, for signals --grade {kind}"
        if without:
            summary.graded += f"; {without} episodes have no reference answer (--reference), and stay as they are"


def _split(names: list[str]) -> tuple[str, list[str]]:
    """The format, if the first name is one and no file, and the files; no file is standard input."""
    if names[0] in (AUTO, *NAMES) and not (len(names) == 1 and Path(names[0]).exists()):
        return names[0], names[1:] or ["-"]
    return AUTO, names
