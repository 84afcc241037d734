"""assay-rl report: signals and episodes as one HTML page."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay_rl.cli.inputs import add_format, choices_of
from assay_rl.convert.files import FileError, read_episodes
from assay_rl.report.page import pieces
from assay_rl.v1 import episode_pb2, signal_service_pb2
from assay_rl.verify import records

LARGE = 50 << 20  # bytes of a page from which browsers take long to open it


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl report",
        description="Writes one self-contained HTML page about a run: who helped, who hurt, where it went wrong, and "
        "why the numbers add up. Exit status: 0 written, 2 unreadable input.",
    )
    parser.add_argument("signals", help="signals.jsonl as `assay signals` writes it; may be gzip")
    parser.add_argument("--episodes", help="the episodes that were scored: their texts become the transcripts")
    add_format(parser)
    parser.add_argument("-o", "--output", default="report.html", help="default: report.html")
    parser.add_argument("--title", help="default: the name of the signals file")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="about N episodes, groups whole, the same ones each time"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.sample is not None and arguments.sample < 1:
        print("assay-rl report: --sample N: at least 1", file=sys.stderr)
        return 2
    try:
        title = arguments.title or Path(arguments.signals).name
        kept = None
        if arguments.sample is not None:
            kept, shown, total = _sample(arguments.signals, arguments.sample)
            title += f" (a sample of {shown} of {total} episodes)" if shown < total else ""
        size = _write(arguments, title, kept)
    except (OSError, FileError, records.RecordError) as error:
        print(f"assay-rl report: {error}", file=sys.stderr)
        return 2
    print(f"{arguments.output}: {size / 1e6:.1f} MB", file=sys.stderr)
    if size > LARGE:
        print(
            "assay-rl report: a page of this size takes a browser long to open, and several times its size of memory; "
            "--sample N shows about N episodes",
            file=sys.stderr,
        )
    return 0


def _write(arguments: argparse.Namespace, title: str, kept: set[str] | None) -> int:
    """Writes the page as it is made; returns its size in bytes. A failure leaves no half of a page behind."""
    episodes = _Episodes()
    if arguments.episodes:
        for episode in read_episodes(arguments.episodes, arguments.input_format, choices_of(arguments)):
            episodes.add(episode.to_proto())
    size, target = 0, Path(arguments.output)
    unfinished = target.with_name(target.name + ".part")
    try:
        with unfinished.open("wb") as out:
            for piece in pieces(_results(arguments.signals, kept), episodes, title):
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
            parsed = records.parse_result(number, line)
        except records.RecordError as error:
            raise FileError(f"{path}:{number}: {error}") from error
        yield parsed.result if isinstance(parsed, records.ResultLine) else parsed
