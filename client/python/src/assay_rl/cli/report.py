"""python -m assay_rl report: signals and episodes as one HTML page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay_rl.report.page import render
from assay_rl.v1 import episode_pb2, signal_service_pb2
from assay_rl.verify import records


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl report",
        description="Writes one self-contained HTML page about a run: who helped, who hurt, where it went wrong, and "
        "why the numbers add up. Exit status: 0 written, 2 unreadable input.",
    )
    parser.add_argument("signals", help="signals.jsonl as `assay signals` writes it; may be gzip")
    parser.add_argument("--episodes", help="episodes.jsonl: their texts become the transcripts; may be gzip")
    records.add_format_arguments(parser)
    parser.add_argument("-o", "--output", default="report.html", help="default: report.html")
    parser.add_argument("--title", help="default: the name of the signals file")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        episodes = _episodes(arguments.episodes, records.format_of(arguments)) if arguments.episodes else {}
        title = arguments.title or Path(arguments.signals).name
        page = render(_results(arguments.signals), episodes, title)
        Path(arguments.output).write_text(page, encoding="utf-8")
    except (OSError, UnicodeDecodeError, records.RecordError) as error:
        print(f"assay-rl report: {error}", file=sys.stderr)
        return 2
    print(f"{arguments.output}: {len(page.encode()) / 1e6:.1f} MB", file=sys.stderr)
    return 0


def _results(path: str) -> Iterator[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult]:
    for number, line in records.lines(path):
        try:
            parsed = records.parse_result(number, line)
        except records.RecordError as error:
            raise records.RecordError(f"{path}, line {number}: {error}") from error
        yield parsed.result if isinstance(parsed, records.ResultLine) else parsed


def _episodes(path: str, form: records.EpisodeFormat) -> dict[str, episode_pb2.Episode]:
    out: dict[str, episode_pb2.Episode] = {}
    for number, line in records.lines(path):
        try:
            episode = records.parse_episode(line, form)
        except records.RecordError as error:
            raise records.RecordError(f"{path}, line {number}: {error}") from error
        out[episode.id] = episode
    return out
