"""assay-rl report: signals and episodes as one HTML page, of one moment or of a whole training run."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay_rl.cli.inputs import add_format, add_grade, choices_of, tell
from assay_rl.convert.files import FileError, Summary, read_episodes
from assay_rl.course import files
from assay_rl.course.summary import Json, StepSummary
from assay_rl.grading import Grading
from assay_rl.report.collect import BUDGET, Collector
from assay_rl.report.episodes import Episodes
from assay_rl.report.numbers import Tables
from assay_rl.report.page import page
from assay_rl.v1 import signal_service_pb2


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl report",
        description="Writes one self-contained HTML page about scored episodes: who helped, who hurt, where it went "
        "wrong, why the numbers add up; and over the steps of a training run, what changed. Exit status: 0 written, 2 "
        "unreadable input.",
    )
    parser.add_argument(
        "signals",
        nargs="+",
        help="files or folders: signals.jsonl as `assay-rl signals` writes it, one a training step, or summaries of "
        "steps (--summary); episodes among them are taken as --episodes; may be gzip or archives",
    )
    parser.add_argument(
        "--episodes", nargs="+", default=[], metavar="FILE", help="the episodes that were scored: the transcripts"
    )
    add_format(parser)
    add_grade(parser, "as it was given to signals")
    parser.add_argument("-o", "--output", default="report.html", help="default: report.html")
    parser.add_argument("--title", help="default: the name of the signals file")
    parser.add_argument(
        "--step",
        default="auto",
        metavar="name|order|FIELD",
        help="which step a file is of: the number in its name, its place, or a field of each line (default: the name "
        "where every file has a number of its own, else the order)",
    )
    parser.add_argument("--against", nargs="+", default=[], metavar="FILE", help="another run, to compare with")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="about N episodes, groups whole, the same ones each time"
    )
    parser.add_argument(
        "--max-size",
        type=float,
        default=BUDGET / (1 << 20),
        metavar="MB",
        help="episodes that do not fit are counted but cannot be opened (default: %(default)g)",
    )
    parser.add_argument("--numbers", metavar="FOLDER", help="also all numbers as tables: Parquet, or CSV")
    parser.add_argument("--numbers-format", choices=["parquet", "csv"], default="parquet")
    parser.add_argument(
        "--follow", action="store_true", help="serve a page on this machine that updates while the files grow"
    )
    parser.add_argument("--port", type=int, default=0, help="of --follow; default: a free one")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.sample is not None and arguments.sample < 1:
        print("assay-rl report: --sample N: at least 1", file=sys.stderr)
        return 2
    if arguments.max_size <= 0:
        print("assay-rl report: --max-size MB: more than 0", file=sys.stderr)
        return 2
    try:
        if arguments.follow:
            return _follow(arguments)
        return _write(arguments)
    except (OSError, FileError, ImportError) as error:
        print(f"assay-rl report: {error}", file=sys.stderr)
        return 2


def _follow(arguments: argparse.Namespace) -> int:
    """--follow; what it does not take is refused."""
    from assay_rl.cli.follow import follow

    refused = {
        "--against": arguments.against,
        "--numbers": arguments.numbers,
        "--grade": arguments.grade,
        "--input-format": arguments.input_format != "episode",
    }
    for name, given in refused.items():
        if given:
            raise FileError(f"--follow and {name} do not go together; write a page instead")
    return follow(arguments)


def _write(arguments: argparse.Namespace) -> int:
    episodes = read_all(arguments)
    found = files.inputs(arguments.signals, arguments.step)
    add_beside(episodes, found, arguments)
    field = field_of(arguments.step)
    collected = Collector(
        int(arguments.max_size * (1 << 20)), arguments.sample, name=arguments.title or files.run_name(arguments.signals)
    )
    with _numbers(arguments) as numbers:
        for one in found:
            if one.kind == "summary":
                collected.given += files.summaries(one)
            elif one.kind == "signals":
                shows = collected.shows if numbers is None else None
                alone = field is None and len(found) - sum(o.kind == "episodes" for o in found) == 1
                for line in files.results(one, field, shows):
                    step = None if alone and not arguments.against else line.step
                    episode = collected.add(line.result, episodes, step, episodes.place(line.result))
                    if numbers is not None:
                        numbers.add(line.result, step, episode)
        _refuse_strangers(collected, len(episodes), arguments)
        if arguments.against:
            collected.other = (files.run_name(arguments.against), list(course_of(arguments.against, arguments.step)))
        if not collected.total.episodes and not collected.given:
            raise FileError(f"{', '.join(arguments.signals)}: no results")
        if numbers is not None:
            numbers.add_summaries(collected)
    title = arguments.title or files.run_name(arguments.signals)
    if arguments.sample is not None and collected.shown < collected.total.episodes:
        title += f" (a sample of {collected.shown} of {collected.total.episodes} episodes)"
    size = write_page(collected, title, Path(arguments.output))
    print(f"{arguments.output}: {size / 1e6:.1f} MB", file=sys.stderr)
    _say(collected, arguments)
    return 0


@contextlib.contextmanager
def _numbers(arguments: argparse.Namespace) -> Iterator[Tables | None]:
    if arguments.numbers:
        with Tables(arguments.numbers, arguments.numbers_format) as tables:
            yield tables
    else:
        yield None


def field_of(step: str) -> str | None:
    return None if step in ("auto", "name", "order") else step


def write_page(collected: Collector, title: str, target: Path) -> int:
    """Writes the page; returns its size in bytes. A failure leaves no half of a page behind."""
    unfinished = target.with_name(target.name + ".part")
    size = 0
    try:
        with unfinished.open("wb") as out:
            for piece in page(collected, title):
                size += out.write(piece)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def _refuse_strangers(collected: Collector, known: int, arguments: argparse.Namespace) -> None:
    """Texts of another run would be told as this one's."""
    if not known or collected.matched or not collected.total.episodes:
        return
    what = ", ".join(arguments.episodes) or "the episodes among the files"
    if collected.foreign:
        raise FileError(
            f"{what}: other episodes than those that were scored (none has the SHA-256 that its signals name); were "
            "answers graded (--grade), or were they read in another way?"
        )
    raise FileError(f"{what}: of another run: no id of its {known} episodes is among the signals")


def _say(collected: Collector, arguments: argparse.Namespace) -> None:
    total, shown = collected.total.episodes, collected.shown
    say = [f"{shown} of {total} episodes can be opened in it, the numbers count all" if shown < total else ""]
    if shown < total and arguments.sample is None:
        say[0] += f" (--max-size {arguments.max_size:g})"
    if collected.matched and collected.unmatched:
        say.append(f"{collected.unmatched} results have no episode; they are shown without texts")
    if collected.foreign:
        say.append(f"{collected.foreign} episodes differ from those that were scored; they are shown without texts")
    for line in filter(None, say):
        print(f"assay-rl report: {line}", file=sys.stderr)


def read_all(arguments: argparse.Namespace) -> Episodes:
    """The episodes that were named."""
    episodes, summary = Episodes(), Summary()
    if arguments.episodes:
        found = read_episodes(arguments.episodes, arguments.input_format, choices_of(arguments), summary)
        with contextlib.closing(Grading(arguments.grade)) as grading:
            episodes.extend(grading.episodes(found))
        tell(summary, "report")
    return episodes


def add_beside(episodes: Episodes, found: Sequence[files.Input], arguments: argparse.Namespace) -> None:
    """The episodes that stand among the signals."""
    if names := [one.name for one in found if one.kind == "episodes"]:
        with contextlib.closing(Grading(arguments.grade)) as grading:
            episodes.extend(grading.episodes(read_episodes(names, "episode", choices_of(arguments))))


def course_of(names: Sequence[str], step: str) -> Iterator[Json]:
    """The summaries of the steps of a run."""
    found = files.inputs(names, step)
    known = Episodes()
    if texts := [one.name for one in found if one.kind == "episodes"]:
        known.extend(read_episodes(texts))
    steps: dict[int, StepSummary] = {}
    for one in found:
        if one.kind == "summary":
            yield from files.summaries(one)
        elif one.kind == "signals":
            for line in files.results(one, field_of(step), lambda *_: False):
                number = line.step if line.step is not None else 0
                held = steps.setdefault(number, StepSummary(number))
                held.add(
                    line.result,
                    known.of(line.result) if isinstance(line.result, signal_service_pb2.EpisodeResult) else None,
                )
    yield from (held.to_json() for held in steps.values())
