"""assay-rl verify: every number of a signals file, computed a second time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice
from typing import TextIO

from google.protobuf.json_format import ParseError

from assay_rl.cli.common import choices_of, fail
from assay_rl.cli.flags import Arguments, UsageError
from assay_rl.client.notices import is_told
from assay_rl.convert import own
from assay_rl.convert.files import FileError, read_episodes
from assay_rl.convert.inputs import sources
from assay_rl.convert.misfit import MisfitError, check
from assay_rl.grading import KINDS, Grading
from assay_rl.v1 import episode_pb2, signal_service_pb2, signals_pb2
from assay_rl.verify import records
from assay_rl.verify.check import check_episode
from assay_rl.verify.check_group import check_group
from assay_rl.verify.findings import Report

CHUNK = 64  # episodes a worker takes at once
SHOWN = 20  # findings shown of one result, unless --all
TWICE = ""  # in place of an episode whose result came before
POOL_FROM = 256  # results below which worker processes cost more than they save


def run(arguments: Arguments) -> int:
    """0 all right, 1 something is wrong, 2 a file cannot be read."""
    if not arguments.has("episodes"):
        raise UsageError("verify needs --episodes=FILE")
    try:
        return _run(arguments)
    except (ImportError, OSError, FileError) as error:
        return fail(error)


def _run(arguments: Arguments) -> int:
    results = arguments.names or ("-",)
    found = list(sources(results))
    episodes = _sources(arguments)
    totals = Counter[str]()
    trusted = Counter[str]()
    jobs = arguments.number("jobs") if arguments.has("jobs") else os.cpu_count() or 1
    try:
        for report in verify_records(chain.from_iterable(map(own.records, found)), episodes, jobs):
            totals["lines"] += not report.missing
            if not totals["lines"]:
                continue  # nothing has a result
            if not report.answered:
                totals["unanswered"] += 1
                continue
            totals["group" if report.subject.startswith("group ") else "episode"] += 1
            trusted.update(report.trusted)
            if not report.ok:
                totals["wrong"] += 1
                _show(report, sys.stdout, None if arguments.has("all") else SHOWN)
    finally:
        sys.stdout.flush()
    if not totals["lines"]:
        return fail(f"no results in {'the input' if results == ('-',) else ', '.join(results)}")
    if not arguments.has("quiet") or totals["wrong"]:
        _summary(totals, trusted)
    verified = totals["episode"] + totals["group"]
    return 1 if totals["wrong"] or not verified else 0


def _show(report: Report, out: TextIO, limit: int | None) -> None:
    for finding in report.findings[:limit]:
        print(f"WRONG {report.name}: {finding}", file=out)
    rest = len(report.findings) - len(report.findings[:limit])
    if rest:
        print(f"WRONG {report.name}: {rest} more (--all shows them)", file=out)


def _summary(totals: Counter[str], trusted: Counter[str]) -> None:
    groups = f" and {totals['group']} groups" if totals["group"] else ""
    verdict = f"{totals['wrong']} wrong" if totals["wrong"] else "all right"
    unanswered = f"; {totals['unanswered']} answered with an error" if totals["unanswered"] else ""
    print(f"verified {totals['episode']} episodes{groups}: {verdict}{unanswered}", file=sys.stderr)
    for what, count in trusted.most_common():
        print(f"taken on trust in {count}: {what}", file=sys.stderr)


def _sources(arguments: Arguments) -> dict[str, str]:
    """Episodes by id, as text: parsed where they are checked. Raises FileError."""
    out: dict[str, str] = {}
    for place, identity, text in _episodes(arguments):
        if identity in out:
            raise FileError(f"{place}: episode {identity} is there twice")
        out[identity] = text
    return out


def _episodes(arguments: Arguments) -> Iterator[tuple[str, str, str]]:
    """Place, id and text of each episode: its own text, or that of what it was converted to."""
    names, choices, form = arguments.all("episodes"), choices_of(arguments), arguments.text("input-format")
    kind = next((kind for kind in KINDS if kind == arguments.text("grade")), None)
    if form != "episode" or choices.context or kind == "math":
        with contextlib.closing(Grading(kind)) as grading:
            for episode in grading.episodes(read_episodes(names, form, choices)):
                yield ", ".join(names), episode.id, episode.to_json()
        return
    for record in chain.from_iterable(map(own.records, sources(list(names)))):
        try:
            if record.fault:
                raise MisfitError(record.fault)
            check(record.value, episode_pb2.Episode.DESCRIPTOR)
        except MisfitError as misfit:
            raise FileError(f"{record.place}: {misfit}") from misfit
        yield record.place, record.value.get("id", ""), record.text


Job = tuple[str, str, "str | None"]  # place and text of a result, and its episode


def verify_records(
    results: Iterable[own.Record],
    episodes: dict[str, str],
    jobs: int = 1,
) -> Iterator[Report]:
    """One report a record of signals, those of groups last, then one for each episode left without a result.

    Episodes are checked in worker processes; groups afterwards, from their members' signals.
    """
    groups: list[tuple[str, str]] = []
    answered: dict[str, list[tuple[str, str]]] = {}
    seen: set[str] = set()
    faults: list[Report] = []

    def episode_jobs() -> Iterator[Job]:
        for record in results:
            if record.fault:
                faults.append(Report.of_place(record.place, record.fault))
                continue
            try:
                if is_told(record.value):
                    continue
            except ParseError as misfit:
                faults.append(Report.of_place(record.place, str(misfit)))
                continue
            identity, group, is_group = records.peek(record.text)
            if is_group:
                groups.append((record.place, record.text))
                continue
            if group:
                answered.setdefault(group, []).append((identity, record.text))
            if identity in seen:
                yield record.place, record.text, TWICE
                continue
            seen.add(identity)
            yield record.place, record.text, episodes.get(identity)

    yield from _in_chunks(episode_jobs(), jobs)
    yield from faults
    for place, text in groups:
        yield _check_group_line(place, text, answered, episodes)
    for identity in sorted(episodes):
        if identity not in seen:
            yield Report.told(identity, "has no result", missing=True)


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
    place, text, source = job
    try:
        parsed = records.parse_result(text)
        if isinstance(parsed, signal_service_pb2.GroupResult):
            raise records.RecordError("a group where an episode was expected")
        subject = parsed.result.episode_id
        if parsed.result.WhichOneof("outcome") == "error":
            return Report(subject, answered=False)
        if source is None:
            return Report.told(subject, "is not among the episodes")
        if source == TWICE:
            return Report.told(subject, "is answered twice")
        return check_episode(parsed, records.parse_episode(source))
    except records.RecordError as error:
        return Report.of_place(place, str(error))


def _check_group_line(
    place: str,
    text: str,
    answered: dict[str, list[tuple[str, str]]],
    given: dict[str, str],
) -> Report:
    try:
        group = records.parse_result(text)
        if not isinstance(group, signal_service_pb2.GroupResult):
            raise records.RecordError("an episode where a group was expected")
        if group.WhichOneof("outcome") == "error":
            return Report(f"group {group.group_id}", answered=False)
        members: list[signals_pb2.EpisodeSignals] = []
        episodes: dict[str, episode_pb2.Episode] = {}
        for identity, member in answered.get(group.group_id, ()):
            parsed = records.parse_result(member)
            if identity in given and isinstance(parsed, records.ResultLine) and parsed.result.HasField("signals"):
                members.append(parsed.result.signals)
                episodes[identity] = records.parse_episode(given[identity])
        return check_group(group, members, episodes)
    except records.RecordError as error:
        return Report.of_place(place, str(error))
