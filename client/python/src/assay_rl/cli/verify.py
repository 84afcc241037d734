"""assay-rl verify: every number of a signals file, computed a second time."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TextIO

from assay_rl.cli.inputs import add_format, add_grade, choices_of
from assay_rl.convert.files import FileError, read_episodes
from assay_rl.convert.source import Source, sources, text_lines
from assay_rl.grading import Grading
from assay_rl.v1 import episode_pb2, signal_service_pb2, signals_pb2
from assay_rl.verify import records
from assay_rl.verify.check import check_episode
from assay_rl.verify.check_group import check_group
from assay_rl.verify.findings import Report

CHUNK = 64  # episodes a worker takes at once
SHOWN = 20  # findings shown of one result, unless --all
POOL_FROM = 256  # results below which worker processes cost more than they save


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl verify",
        description="Computes every signal again from its FULL audit and the episode, without the server, and "
        "compares to 1e-9 of the value range. Exit status: 0 all right, 1 something is wrong, 2 unreadable input.",
    )
    parser.add_argument(
        "signals", nargs="+", help="signals.jsonl as `assay signals` writes it: files, folders or archives; may be gzip"
    )
    parser.add_argument(
        "--episodes", required=True, nargs="+", metavar="FILE", help="the Episodes that were scored, likewise"
    )
    add_format(parser)
    add_grade(parser, "as it was given to signals")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes (default: one a core)")
    parser.add_argument("--all", action="store_true", help=f"show every finding, not the first {SHOWN} of a result")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what is wrong")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except (ImportError, OSError, FileError) as error:
        print(f"assay-rl verify: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    episodes = _sources(arguments)
    totals = Counter[str]()
    trusted = Counter[str]()
    lines = (line for source in sources(arguments.signals) for line in text_lines(source))
    for report in verify_lines(lines, episodes, arguments.jobs):
        totals["group" if report.subject.startswith("group ") else "episode"] += 1
        trusted.update(report.trusted)
        if not report.ok:
            totals["wrong"] += 1
            _show(report, sys.stdout, None if arguments.all else SHOWN)
    if not arguments.quiet or totals["wrong"]:
        _summary(totals, trusted)
    if not totals["episode"] + totals["group"]:
        print(f"assay-rl verify: {', '.join(arguments.signals)}: no results", file=sys.stderr)
        return 2
    return 1 if totals["wrong"] else 0


def _show(report: Report, out: TextIO, limit: int | None) -> None:
    for finding in report.findings[:limit]:
        print(f"WRONG {report.subject}: {finding}", file=out)
    rest = len(report.findings) - len(report.findings[:limit])
    if rest:
        print(f"WRONG {report.subject}: {rest} more (--all shows them)", file=out)


def _summary(totals: Counter[str], trusted: Counter[str]) -> None:
    groups = f" and {totals['group']} groups" if totals["group"] else ""
    verdict = f"{totals['wrong']} wrong" if totals["wrong"] else "all right"
    print(f"verified {totals['episode']} episodes{groups}: {verdict}")
    for what, count in trusted.most_common():
        print(f"taken on trust in {count}: {what}")


def _sources(arguments: argparse.Namespace) -> dict[str, str]:
    """Episodes by id, as text: parsed where they are checked. Raises FileError."""
    out: dict[str, str] = {}
    for place, identity, line in _episodes(arguments):
        if identity in out:
            raise FileError(f"{place}: episode {identity!r} is there twice")
        out[identity] = line
    return out


def _episodes(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Place, id and text of each episode: its own line, or that of what it was converted to."""
    names, choices = arguments.episodes, choices_of(arguments)
    grading = Grading(arguments.grade)
    if arguments.input_format == "episode" and not choices.context and grading.kind != "math":
        found = list(sources(names))
        if all(map(_is_lines, found)):
            yield from _lines(found)
            return
    for episode in grading.episodes(read_episodes(names, arguments.input_format, choices)):
        yield ", ".join(names), episode.id, episode.to_json()
    grading.close()


def _is_lines(source: Source) -> bool:
    """Whether a file has an object a line, and not one over several lines or a list. Standard input does."""
    if source.name == "-":
        return True
    for _, line in text_lines(source):
        try:
            records.episode_id(line)
        except records.RecordError:
            return not line.lstrip().startswith(("{", "["))
        return True
    return True


def _lines(found: Sequence[Source]) -> Iterator[tuple[str, str, str]]:
    for source in found:
        for number, line in text_lines(source):
            try:
                yield f"{source.name}:{number}", records.episode_id(line), line
            except records.RecordError as error:
                raise FileError(f"{source.name}:{number}: {error}") from error


Job = tuple[int, str, str | None]


def verify_lines(
    lines: Iterable[tuple[int, str]],
    sources: dict[str, str],
    jobs: int = 1,
) -> Iterator[Report]:
    """One report a line of signals, one for each episode left without signals, then one a group.

    Episodes are checked in worker processes; groups afterwards, from their members' signals.
    """
    groups: list[tuple[int, str]] = []
    answered: dict[str, list[tuple[str, str]]] = {}
    seen: set[str] = set()

    def episode_jobs() -> Iterator[Job]:
        for number, line in lines:
            identity, group, is_group = records.peek(line)
            if is_group:
                groups.append((number, line))
                continue
            if group:
                answered.setdefault(group, []).append((identity, line))
            if identity in seen:
                yield number, line, ""
                continue
            seen.add(identity)
            yield number, line, sources.get(identity)

    yield from _in_chunks(episode_jobs(), jobs)
    for identity in sources:
        if identity not in seen:
            report = Report(identity)
            report.wrong("signals", "a result", "none in the file")
            yield report
    for number, line in groups:
        yield _check_group_line(number, line, answered, sources)


def _in_chunks(jobs: Iterator[Job], workers: int) -> Iterator[Report]:
    head = list(islice(jobs, POOL_FROM))
    if workers < 2 or len(head) < POOL_FROM:
        for chunk in (head, jobs):
            for job in chunk:
                yield _check_line(job)
        return
    with ProcessPoolExecutor(workers) as pool:
        pending = [pool.submit(_check_chunk, head[k : k + CHUNK]) for k in range(0, len(head), CHUNK)]
        while pending:
            if len(pending) < 4 * workers:
                chunk_jobs = list(islice(jobs, CHUNK))
                if chunk_jobs:
                    pending.append(pool.submit(_check_chunk, chunk_jobs))
                    continue
            yield from pending.pop(0).result()


def _check_chunk(jobs: Sequence[Job]) -> list[Report]:
    return [_check_line(job) for job in jobs]


def _check_line(job: Job) -> Report:
    number, line, source = job
    try:
        parsed = records.parse_result(number, line)
        if isinstance(parsed, signal_service_pb2.GroupResult):
            raise records.RecordError("a group where an episode was expected")
        subject = parsed.result.episode_id or f"line {number}"
        if source is None or source == "":
            report = Report(subject)
            report.wrong("episode_id", "an episode of the episodes file, once", subject)
            return report
        return check_episode(parsed, records.parse_episode(source))
    except records.RecordError as error:
        report = Report(f"line {number}")
        report.wrong("line", "an EpisodeResult or GroupResult", str(error))
        return report


def _check_group_line(
    number: int,
    line: str,
    answered: dict[str, list[tuple[str, str]]],
    sources: dict[str, str],
) -> Report:
    try:
        group = records.parse_result(number, line)
        if not isinstance(group, signal_service_pb2.GroupResult):
            raise records.RecordError("an episode where a group was expected")
        members: list[signals_pb2.EpisodeSignals] = []
        episodes: dict[str, episode_pb2.Episode] = {}
        for identity, text in answered.get(group.group_id, ()):
            parsed = records.parse_result(number, text)
            if identity in sources and isinstance(parsed, records.ResultLine) and parsed.result.HasField("signals"):
                members.append(parsed.result.signals)
                episodes[identity] = records.parse_episode(sources[identity])
        return check_group(group, members, episodes)
    except records.RecordError as error:
        report = Report(f"line {number}")
        report.wrong("line", "a GroupResult", str(error))
        return report
