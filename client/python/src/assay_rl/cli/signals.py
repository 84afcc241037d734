"""assay-rl signals: episodes in, one EpisodeResult or GroupResult a line out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from google.protobuf import json_format

from assay_rl.cli.inputs import add_format, choices_of, tell
from assay_rl.client.blocking import Client
from assay_rl.client.outcomes import AssayError, Failed, GroupFailed
from assay_rl.convert.files import FileError, Summary, outcome_line, output_file, read_episodes


def main(argv: Sequence[str]) -> int:
    """Exit code 0 only where every episode was answered with signals, 1 otherwise, 2 for bad input or options."""
    parser = argparse.ArgumentParser(prog="assay-rl signals", description=__doc__)
    parser.add_argument("input", nargs="*", default=["-"], help="files, folders or archives; default: standard input")
    parser.add_argument("--server", default="127.0.0.1:50051", metavar="HOST:PORT")
    parser.add_argument("--options", metavar="FILE.json", help="AttributionOptions in the proto3 JSON mapping")
    add_format(parser)
    parser.add_argument("--deadline", type=float, metavar="SECONDS", help="for each episode; default: none")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    arguments = parser.parse_args(argv)

    failed = answered = 0
    summary = Summary()
    try:
        options = json.loads(Path(arguments.options).read_text(encoding="utf-8")) if arguments.options else None
        episodes = read_episodes(arguments.input, arguments.input_format, choices_of(arguments), summary)
        with output_file(arguments.output) as out, Client(arguments.server, deadline=arguments.deadline) as client:
            for outcome in client.score(episodes, options=options):
                print(outcome_line(outcome), file=out)
                answered += 1
                failed += isinstance(outcome, (Failed, GroupFailed))
    except (FileError, AssayError, OSError, json.JSONDecodeError, json_format.ParseError) as failure:
        print(f"assay-rl signals: {failure}", file=sys.stderr)
        return 2
    tell(summary, "signals")
    print(f"{answered} results, {failed} of them errors", file=sys.stderr)
    return 1 if failed else 0
