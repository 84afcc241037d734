"""Episodes and outcomes as JSON lines: one protobuf message a line in the proto3 JSON mapping. *.gz is read as gzip."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from google.protobuf import json_format

from assay_rl import convert
from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import Failed, GroupFailed, Outcome, episode_outcome, group_outcome
from assay_rl.v1 import signal_service_pb2


class FileError(ValueError):
    """A line of a file cannot be read; the message tells file and line."""


def open_text(name: str) -> IO[str]:
    """A file for reading; "-" is standard input."""
    if name == "-":
        return sys.stdin
    if name.endswith(".gz"):
        return cast("IO[str]", gzip.open(name, "rt", encoding="utf-8"))
    return Path(name).open(encoding="utf-8")


def output_file(name: str | None) -> contextlib.AbstractContextManager[IO[str]]:
    """A file for writing; standard output where there is no name."""
    return Path(name).open("w", encoding="utf-8") if name else contextlib.nullcontext(sys.stdout)


def _lines(name: str) -> Iterator[tuple[int, str]]:
    with open_text(name) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _record(text: str, number: int, name: str) -> dict[str, Any]:
    record = json.loads(text)
    if not isinstance(record, dict):
        raise ValueError("expected an object")
    return record


def _named(convert_record: Callable[..., Episode]) -> Callable[[str, int, str], Episode]:
    """For formats without ids: the record's "id", else FILE:LINE."""

    def read(text: str, number: int, name: str) -> Episode:
        record = json.loads(text)
        given = record.get("id") if isinstance(record, Mapping) else None
        episode_id = str(given or f"{Path(name).name}:{number}")
        if convert_record is not convert.from_whowhen and isinstance(record, Mapping) and "outcome" in record:
            return convert_record(
                record.get("messages", record),
                id=episode_id,
                score=record["outcome"],
                reference_answer=str(record.get("reference_answer") or ""),
            )
        return convert_record(record, id=episode_id)

    return read


FORMATS: dict[str, Callable[[str, int, str], Episode]] = {
    "episode": lambda text, number, name: Episode.from_json(text),
    "log": lambda text, number, name: convert.from_record(_record(text, number, name)),
    "openai": _named(lambda held, **more: convert.from_openai_chat(_messages(held), **more)),
    "autogen": _named(convert.from_autogen),
    "langgraph": _named(convert.from_langgraph),
    "whowhen": _named(convert.from_whowhen),
    "otel": _named(convert.from_otel_spans),
}


def _messages(held: Any) -> Any:
    return held.get("messages", held) if isinstance(held, Mapping) else held


def read_episodes(name: str, input_format: str = "episode") -> Iterator[Episode]:
    """Episodes of a file, one a line. Raises FileError."""
    read = FORMATS[input_format]
    for number, line in _lines(name):
        try:
            yield read(line, number, name)
        except (ValueError, TypeError, KeyError, AttributeError, json_format.ParseError) as failure:
            raise FileError(f"{name}:{number}: not of format {input_format}: {failure}") from failure


def read_outcomes(name: str) -> Iterator[Outcome]:
    """Outcomes of a file, one EpisodeResult or GroupResult a line. Raises FileError."""
    for number, line in _lines(name):
        try:
            record = _record(line, number, name)
            if "groupId" in record or "group_id" in record:
                yield group_outcome(json_format.ParseDict(record, signal_service_pb2.GroupResult()))
            else:
                yield episode_outcome(json_format.ParseDict(record, signal_service_pb2.EpisodeResult()))
        except (ValueError, json_format.ParseError) as failure:
            raise FileError(f"{name}:{number}: not an EpisodeResult or GroupResult: {failure}") from failure


def outcome_line(outcome: Outcome) -> str:
    """One line of JSON for an outcome, failures included."""
    if isinstance(outcome, Failed):
        message: Any = signal_service_pb2.EpisodeResult(episode_id=outcome.episode_id, error=outcome.error.to_proto())
    elif isinstance(outcome, GroupFailed):
        message = signal_service_pb2.GroupResult(group_id=outcome.group_id, error=outcome.error.to_proto())
    else:
        message = outcome.proto
    return json_format.MessageToJson(message, indent=None)
