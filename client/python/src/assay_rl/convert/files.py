"""Episodes and outcomes of files: the one reader that signals, export, verify, report and convert share.

Every format of `formats.FORMATS`, each in files, folders and archives, plain or gzip, in any encoding that its first
bytes tell. What cannot be read is refused with file, line and reason (FileError).
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from google.protobuf import json_format

from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import Failed, GroupFailed, Outcome, episode_outcome, group_outcome
from assay_rl.convert._fields import as_dict
from assay_rl.convert.formats import ALIASES, FORMATS, NAMES, Format, Stream, canonical, detect
from assay_rl.convert.records import from_record
from assay_rl.convert.roles import Kind, matches
from assay_rl.convert.run import Choices, build
from assay_rl.convert.source import FileError, Value, decode, sources, text_lines
from assay_rl.convert.summary import Summary
from assay_rl.v1 import signal_service_pb2

AUTO = "auto"  # the format that the first value of each file shows

__all__ = ["ALIASES", "AUTO", "FORMATS", "NAMES", "Choices", "FileError", "Summary", "outcome_line", "output_file",
           "read_episodes", "read_outcomes", "text_lines"]  # fmt: skip


def output_file(name: str | None) -> contextlib.AbstractContextManager[IO[str]]:
    """A file for writing; standard output where there is no name."""
    return Path(name).open("w", encoding="utf-8") if name else contextlib.nullcontext(sys.stdout)


def read_episodes(
    names: str | Sequence[str],
    input_format: str = "episode",
    choices: Choices | None = None,
    summary: Summary | None = None,
) -> Iterator[Episode]:
    """Episodes of files, folders or archives, in their order. Raises FileError.

    input_format: a name of `NAMES`, or AUTO. choices: what the caller says beside the files. summary: is filled.
    """
    choices = choices or Choices()
    streams = [Stream(source) for source in sources([names] if isinstance(names, str) else list(names))]
    wanted = canonical(input_format)
    groups: dict[str, list[Stream]] = {}
    for stream in streams:
        form = _detected(stream) if wanted == AUTO else wanted
        if form:
            groups.setdefault(form, []).append(stream)
    for name, group in groups.items():
        if summary is not None:
            summary.formats[name] += len(group)
        if name in ("episode", "log"):
            for stream in group:
                yield from _own(stream, name, choices, summary)
        else:
            yield from _converted(FORMATS[name], group, choices, summary)


def _detected(stream: Stream) -> str:
    """The format of a stream; empty where it holds nothing."""
    value = stream.first()
    if value is None:
        return ""
    found = detect(value.value)
    if not found:
        raise FileError(
            f"{value.place}: of no known format, {_shape(value.value)}; say which it is: {', '.join(NAMES)}"
        )
    return found


def _shape(value: Any) -> str:
    if isinstance(value, str):
        return f"a text that begins {value.strip()[:40]!r}"
    held = value[0] if isinstance(value, list) and value else value
    what = "a list of " if held is not value else ""
    if not isinstance(held, dict):
        return f"{what}{type(held).__name__}"
    return (
        f"{what}objects with {', '.join(list(held)[:8]) or 'nothing'}"
        if what
        else f"an object with {', '.join(list(held)[:8])}"
    )


def _own(stream: Stream, name: str, choices: Choices, summary: Summary | None) -> Iterator[Episode]:
    """Episodes and log records, which say themselves who is an agent; --context takes that back."""
    for value in stream.values():
        for place, record in _elements(value):
            try:
                episode = _episode(record, choices) if name == "episode" else _log(record, choices)
            except (ValueError, TypeError, json_format.ParseError) as failure:
                raise FileError(f"{place}: not of format {name}: {failure}{_hint(record, name)}") from failure
            if summary is not None:
                counted = Counter((m.agent, Kind.AGENT if m.agent else Kind.FRAMEWORK) for m in episode.messages)
                summary.add(episode, counted)
            yield episode


def _elements(value: Value) -> Iterator[tuple[str, Any]]:
    if isinstance(value.value, list):
        yield from ((f"{value.place}#{k}", record) for k, record in enumerate(value.value, start=1))
    else:
        yield value.place, value.value


def _hint(record: Any, name: str) -> str:
    other = detect(record)
    return f"; it looks like {other}: --input-format {other}" if other and other != name else ""


def _episode(record: Any, choices: Choices) -> Episode:
    episode = Episode.from_json(json.dumps(as_dict(record, "episode")))
    for message in episode.messages:
        if message.agent and matches(message.agent, choices.context):
            message.agent = ""
    if choices.context:
        episode.agents = [agent for agent in episode.agents if not matches(agent.id, choices.context)]
    return episode


def _log(record: Any, choices: Choices) -> Episode:
    episode = from_record(as_dict(record, "record"), keep_labels=choices.keep_labels, context_agents=choices.context)
    _encodable(episode)
    return episode


def _encodable(episode: Episode) -> None:
    """A text with half of a character cannot be sent."""
    for i, message in enumerate(episode.messages):
        if not message.content.isascii():
            try:
                message.content.encode("utf-8")
            except UnicodeEncodeError as failure:
                raise ValueError(f"messages[{i}].content: half of a character at {failure.start + 1}") from failure


def _converted(form: Format, streams: list[Stream], choices: Choices, summary: Summary | None) -> Iterator[Episode]:
    used: Counter[str] = Counter()
    found = False
    for run, value in form.runs(streams, choices):
        found = True
        place = value.place
        try:
            fallback = f"{Path(value.name).name}:{value.line}" if value.line else Path(value.name).name
            episode = build(run, choices, fallback, summary)
        except (ValueError, TypeError) as failure:
            raise FileError(f"{place}: not of format {form.name}: {failure}") from failure
        used[episode.id] += 1
        if used[episode.id] > 1:
            episode.id = f"{episode.id}#{used[episode.id]}"
            if summary is not None:
                summary.notes["ids that came again got a number: #2, #3, ..."] += 1
        yield episode
    if not found:
        names = ", ".join(stream.name for stream in streams[:3]) + (", ..." if len(streams) > 3 else "")
        raise FileError(f"{names}: no run of format {form.name} in it")


def read_outcomes(name: str) -> Iterator[Outcome]:
    """Outcomes of a file, one EpisodeResult or GroupResult a line. Raises FileError."""
    for source in sources([name]):
        for number, line in text_lines(source):
            try:
                record = dict(as_dict(decode(line), "line"))
                if "groupId" in record or "group_id" in record:
                    yield group_outcome(json_format.ParseDict(record, signal_service_pb2.GroupResult()))
                else:
                    yield episode_outcome(json_format.ParseDict(record, signal_service_pb2.EpisodeResult()))
            except (ValueError, json_format.ParseError) as failure:
                place = f"{source.name}:{number}"
                raise FileError(f"{place}: not an EpisodeResult or GroupResult: {failure}") from failure


def outcome_message(outcome: Outcome) -> signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult:
    """An outcome as it stands on the wire, failures included."""
    if isinstance(outcome, Failed):
        return signal_service_pb2.EpisodeResult(episode_id=outcome.episode_id, error=outcome.error.to_proto())
    if isinstance(outcome, GroupFailed):
        return signal_service_pb2.GroupResult(group_id=outcome.group_id, error=outcome.error.to_proto())
    return outcome.proto


def outcome_line(outcome: Outcome) -> str:
    """One line of JSON for an outcome, failures included."""
    return json_format.MessageToJson(outcome_message(outcome), indent=None)
