"""assay-rl report: signals and episodes as one HTML page."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from assay_rl.cli.flags import Arguments
from assay_rl.cli.inputs import choices_of, fail
from assay_rl.convert.files import FileError, read_episodes
from assay_rl.report.page import pieces
from assay_rl.v1 import episode_pb2, signal_service_pb2
from assay_rl.verify import records

LARGE = 50 << 20  # bytes of a page from which browsers take long to open it


def run(arguments: Arguments) -> int:
    """0 written, 2 a file cannot be read."""
    signals = arguments.names[0]
    try:
        title = arguments.text("title") or Path(signals).name
        kept = None
        if arguments.has("sample"):
            kept, shown, total = _sample(signals, arguments.number("sample"))
            title += f" (a sample of {shown} of {total} episodes)" if shown < total else ""
        size = _write(arguments, title, kept)
    except (OSError, FileError, records.RecordError) as error:
        return fail(error)
    print(f"{arguments.text('output')}: {size / 1e6:.1f} MB", file=sys.stderr)
    if size > LARGE:
        fail(
            "a page of this size takes a browser long to open, and several times its size of memory; "
            "--sample N shows about N episodes"
        )
    return 0


def _write(arguments: Arguments, title: str, kept: set[str] | None) -> int:
    """Writes the page as it is made; returns its size in bytes. A failure leaves no half of a page behind."""
    episodes = _Episodes()
    if arguments.has("episodes"):
        named, form = arguments.text("episodes"), arguments.text("input-format")
        for episode in read_episodes(named, form, choices_of(arguments)):
            episodes.add(episode.to_proto())
    size, target = 0, Path(arguments.text("output"))
    unfinished = target.with_name(target.name + ".part")
    try:
        with unfinished.open("wb") as out:
            for piece in pieces(_results(arguments.names[0], kept), episodes, title):
                size += out.write(piece.encode("utf-8", "replace"))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


class _Episodes(Mapping[str, episode_pb2.Episode]):
    """Episodes by id, kept as bytes and read when they are asked for."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def add(self, episode: episode_pb2.Episode) -> None:
        self._held[episode.id] = episode.SerializeToString()

    def __getitem__(self, id: str) -> episode_pb2.Episode:
        return episode_pb2.Episode.FromString(self._held[id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def _sample(path: str, wanted: int) -> tuple[set[str], int, int]:
    """Groups, and episodes without one, that make a sample of about `wanted` episodes; its size; the size of all.

    Which they are depends on their ids alone.
    """
    units: Counter[str] = Counter()
    for _, line in records.lines(path):
        identity, group, is_group = records.peek(line)
        if not is_group:
            units[_unit(identity, group)] += 1
    kept: set[str] = set()
    shown = 0
    for unit in sorted(units, key=lambda u: hashlib.sha256(u.encode("utf-8", "replace")).digest()):
        if shown >= wanted:
            break
        kept.add(unit)
        shown += units[unit]
    return kept, shown, units.total()


def _unit(identity: str, group: str) -> str:
    return f"group {group}" if group else f"episode {identity}"


def _results(
    path: str, kept: set[str] | None
) -> Iterator[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult]:
    for number, line in records.lines(path):
        if kept is not None:
            identity, group, _ = records.peek(line)
            if _unit(identity, group) not in kept:
                continue
        try:
            parsed = records.parse_result(line)
        except records.RecordError as error:
            raise FileError(f"{path}:{number}: {error}") from error
        yield parsed.result if isinstance(parsed, records.ResultLine) else parsed
