"""assay-rl signals: episodes in, one EpisodeResult or GroupResult a line out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from google.protobuf import json_format

from assay_rl.cli.inputs import add_format, add_grade, choices_of, tell
from assay_rl.client.blocking import Client
from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import AssayError, Failed, GroupFailed, Scored
from assay_rl.convert.files import FileError, Summary, outcome_line, outcome_message, output_file, read_episodes
from assay_rl.course.files import number_in
from assay_rl.course.summary import StepSummary
from assay_rl.grading import Grading
from assay_rl.v1 import options_pb2


def main(argv: Sequence[str]) -> int:
    """Exit code 0 only where every episode was answered with signals, 1 otherwise, 2 for bad input or options."""
    parser = argparse.ArgumentParser(prog="assay-rl signals", description=__doc__)
    parser.add_argument("input", nargs="*", default=["-"], help="files, folders or archives; default: standard input")
    parser.add_argument("--server", default="127.0.0.1:50051", metavar="HOST:PORT")
    parser.add_argument("--options", metavar="FILE.json", help="AttributionOptions in the proto3 JSON mapping")
    add_format(parser)
    add_grade(parser, "how answers are compared with the reference answer")
    parser.add_argument("--deadline", type=float, metavar="SECONDS", help="for each episode; default: none")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    parser.add_argument(
        "--summary", metavar="FILE.json", help="also a small file about this training step for `report`"
    )
    parser.add_argument("--step", type=int, metavar="N", help="of --summary; default: the number in the file's name")
    arguments = parser.parse_args(argv)

    failed = answered = unreadable = mismatches = 0
    summary = Summary()
    try:
        options = json.loads(Path(arguments.options).read_text(encoding="utf-8")) if arguments.options else None
        episodes = read_episodes(arguments.input, arguments.input_format, choices_of(arguments), summary)
        grading = Grading(arguments.grade)
        options = grading.options(options)
        sent = grading.episodes(episodes)
        step = StepSummary(number_in(arguments.summary or "") if arguments.step is None else arguments.step)
        if arguments.summary:
            sent = _expected(sent, step)
        stop = stopped_by_interrupt()
        with output_file(arguments.output) as out, Client(arguments.server, deadline=arguments.deadline) as client:
            for outcome in client.score(sent, options=options, stop=stop):
                print(outcome_line(outcome), file=out)
                if arguments.summary:
                    step.add(outcome_message(outcome))
                answered += 1
                failed += isinstance(outcome, (Failed, GroupFailed))
                if isinstance(outcome, Scored):
                    signals = outcome.proto.signals
                    unreadable += signals.effort.unreadable_answers
                    mismatches += signals.outcome_mismatch and signals.effort.method != options_pb2.METHOD_UNSPECIFIED
        if arguments.summary:
            step.write(arguments.summary)
    except (FileError, AssayError, OSError, ImportError, ValueError, json_format.ParseError) as failure:
        print(f"assay-rl signals: {failure}", file=sys.stderr)
        return 2
    grading.close()
    print(f"{answered} results, {failed} of them errors", file=sys.stderr)
    tell(summary, "signals")
    if mismatches:
        print(f"{mismatches} of them: the score is not what the evaluator gives the whole team", file=sys.stderr)
    unreadable += grading.unreadable
    if unreadable:
        print(f"{unreadable} answers could not be read by the grader", file=sys.stderr)
    if stop.is_set():
        print("assay-rl signals: interrupted; the rest of the input was not read", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _expected(episodes: Iterable[Episode], summary: StepSummary) -> Iterator[Episode]:
    for episode in episodes:
        summary.expect(episode.to_proto())
        yield episode


def stopped_by_interrupt() -> threading.Event:
    """Set by the first SIGINT: what was handed over is finished. The second one interrupts as usual."""
    stop = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
    return stop
