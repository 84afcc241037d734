"""assay-rl signals: episodes in, one EpisodeResult or GroupResult a line out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from typing import IO, Any

import grpc
from google.protobuf import json_format

from assay_rl.cli.common import choices_of, client_of, fail, read_json, tell
from assay_rl.cli.flags import Arguments
from assay_rl.cli.progress import Progress
from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import AssayError, Error, Failed, Outcome
from assay_rl.convert.files import FileError, Summary, outcome_line, outcome_message, output_file, read_episodes
from assay_rl.convert.inputs import sources
from assay_rl.course.files import number_in
from assay_rl.course.summary import StepSummary
from assay_rl.grading import KINDS, Grading
from assay_rl.v1 import options_pb2


class _Printer:
    """Where results go, from any thread."""

    def __init__(self, out: IO[str], progress: Progress) -> None:
        self._lock = threading.Lock()
        self._out = out
        self._progress = progress

    def print(self, outcome: Outcome) -> None:
        self._progress.on_outcome(outcome)
        with self._lock:
            print(outcome_line(outcome), file=self._out, flush=True)


def run(arguments: Arguments) -> int:
    """The exit code, as the help tells it; 130 where the run was interrupted."""
    if arguments.text("format") == "table":
        return fail("--format=table is drawn by assay: assay signals --format=table")
    if arguments.number("streams") > 1:
        return fail("--streams above 1 is what assay does: assay signals --streams=N")
    try:
        given = _options(arguments)
        grading = Grading(next((kind for kind in KINDS if kind == arguments.text("grade")), None))
        options = grading.options(given)
        if "caller" in given:
            return fail("options.caller: the command line has nobody who could answer")
        names = arguments.names or ("-",)
        list(sources(names))  # all there, before anything is sent
        client = client_of(arguments, arguments.seconds("deadline") if arguments.has("deadline") else None)
        output = output_file(arguments.text("output"))
    except (FileError, ImportError, ValueError, json_format.ParseError) as failure:
        return fail(failure)
    step = _step(arguments)
    stop = stopped_by_interrupt()
    progress, summary, hints = Progress(), Summary(), list[str]()
    broken: Exception | None = None
    refused: AssayError | None = None
    try:
        with output as out, client:
            printer = _Printer(out, progress)

            def on_fault(fault: str, hint: str) -> None:
                progress.on_read()
                hints.append(hint)
                printer.print(Failed("", Error(grpc.StatusCode.INVALID_ARGUMENT, fault)))

            episodes = read_episodes(names, arguments.text("input-format"), choices_of(arguments), summary, on_fault)
            sent = _counted(grading.episodes(episodes), progress, step)
            try:
                for outcome in client.score(sent, options=options, stop=stop):
                    printer.print(outcome)
                    if step is not None:
                        step.add(outcome_message(outcome))
            except AssayError as failure:
                refused = failure
        if step is not None:
            step.write(arguments.text("summary"))
    except (FileError, ImportError, ValueError) as failure:
        broken = failure
    except OSError as failure:
        return fail(f"the output cannot be written: {failure.strerror or failure}", 1)
    finally:
        grading.close()
    tell(summary)
    progress.finish()
    if hint := next(filter(None, hints), ""):
        fail(f"the input {hint}")
    if broken is not None:
        return fail(broken)
    if hints:
        return 2
    if refused is not None:
        return fail(f"{refused.error.code.name}: {refused.error.message}", 1)
    if stop.is_set():
        return fail("interrupted; the rest of the input was not read", 130)
    return 0 if progress.all_answered else 1


def _options(arguments: Arguments) -> dict[str, Any]:
    if not arguments.has("options"):
        return {}
    return read_json(arguments.text("options"), options_pb2.AttributionOptions)


def _step(arguments: Arguments) -> StepSummary | None:
    """What --summary asks for."""
    if not arguments.has("summary"):
        return None
    named = number_in(arguments.text("summary"))
    return StepSummary(arguments.number("step") if arguments.has("step") else named)


def _counted(episodes: Iterable[Episode], progress: Progress, step: StepSummary | None) -> Iterator[Episode]:
    for episode in episodes:
        progress.on_read()
        if step is not None:
            step.expect(episode.to_proto())
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
