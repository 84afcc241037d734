"""Episodes and outcomes of files: the one reader that signals, export, verify, report and convert share.

Every format of `formats.FORMATS`, each in files, folders and archives, plain or gzip, in any encoding that its first
bytes tell. What cannot be read is refused with file, line and reason (FileError).
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from google.protobuf import json_format

from assay_rl.client.episodes import Episode
from assay_rl.client.notices import is_told
from assay_rl.client.outcomes import Failed, GroupFailed, Outcome, episode_outcome, group_outcome
from assay_rl.convert._fields import as_dict, kind_of
from assay_rl.convert.formats import FORMATS, Format, Stream, detect
from assay_rl.convert.inputs import sources
from assay_rl.convert.json_values import decode
from assay_rl.convert.lines import text_lines
from assay_rl.convert.misfit import MisfitError, check
from assay_rl.convert.names import AUTO, NAMES, canonical
from assay_rl.convert.own import Record, records
from assay_rl.convert.records import apply_choices, from_record
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, NothingSaidError, build
from assay_rl.convert.source import FileError
from assay_rl.convert.summary import SHOWN, Summary
from assay_rl.v1 import episode_pb2, signal_service_pb2

# Place and reason of a record that is no episode, and what it looks like instead, or nothing.
OnFault = Callable[[str, str], None]

__all__ = ["AUTO", "FORMATS", "NAMES", "Choices", "FileError", "Summary", "outcome_line", "output_file",
           "read_episodes", "read_outcomes", "text_lines"]  # fmt: skip


def output_file(name: str | None) -> contextlib.AbstractContextManager[IO[str]]:
    """A file for writing; standard output where there is no name. Raises FileError."""
    if not name:
        return contextlib.nullcontext(sys.stdout)
    try:
        return Path(name).open("w", encoding="utf-8")
    except OSError as failure:
        raise FileError(f"cannot write {name}: {failure.strerror}") from failure


def read_episodes(
    names: str | Sequence[str],
    input_format: str = "episode",
    choices: Choices | None = None,
    summary: Summary | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[Episode]:
    """Episodes of files, folders or archives, in their order. Raises FileError.

    input_format: a name of `NAMES`, or AUTO. choices: what the caller says beside the files. summary: is filled.
    on_fault: takes each record that is no episode, of formats whose records are independent of each other (episode and
    log), and the reading goes on; without it, and of other formats, the first such record raises FileError.
    """
    choices = choices or Choices()
    streams = [Stream(source) for source in sources([names] if isinstance(names, str) else list(names))]
    wanted = canonical(input_format)
    groups: dict[str, list[Stream]] = {}
    strangers: list[UnknownFormatError] = []
    for stream in streams:
        try:
            form = _detected(stream) if wanted == AUTO else wanted
        except UnknownFormatError as failure:
            if not stream.source.found:
                raise
            strangers.append(failure)
            continue
        if form:
            groups.setdefault(form, []).append(stream)
    _tell_strangers(strangers, groups, summary)
    _refuse_unused(choices, groups)
    for name, group in groups.items():
        if summary is not None:
            summary.formats[name] += len(group)
        if name in ("episode", "log"):
            for stream in group:
                yield from _own(stream, name, choices, summary, on_fault)
        else:
            yield from _converted(FORMATS[name], group, choices, summary)


def _refuse_unused(choices: Choices, formats: Collection[str]) -> None:
    """Nothing that the caller says is passed over in silence. Raises FileError."""
    if not formats or set(formats) - {"episode", "log"}:
        return
    for name in ("agents", "agent", "outcome", "reference", "sequential"):
        if getattr(choices, name):
            raise FileError(f"--{name} says nothing of episodes and log records, which say it themselves")


class UnknownFormatError(FileError):
    """Nothing tells of which format a file is."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def _tell_strangers(
    strangers: list[UnknownFormatError], groups: Mapping[str, list[Stream]], summary: Summary | None
) -> None:
    """Folders hold other files beside traces: they are named as left out. Raises where there is nothing else."""
    if strangers and not groups:
        raise strangers[0]
    if strangers and summary is not None:
        names = ", ".join(Path(failure.name).name for failure in strangers[:SHOWN])
        more = ", ..." if len(strangers) > SHOWN else ""
        summary.dropped[f"files of no known format ({names}{more})"] += len(strangers)


def _detected(stream: Stream) -> str:
    """The format of a stream; empty where it holds nothing."""
    value = stream.first()
    if value is None:
        return ""
    found = detect(value.value)
    if not found:
        raise UnknownFormatError(
            stream.name,
            f"{value.place}: of no known format, {_shape(value.value)}; say which it is: {', '.join(NAMES)}",
        )
    return found


def _shape(value: Any) -> str:
    if isinstance(value, str):
        return f"a text that begins {value.strip()[:40]!r}"
    held = value[0] if isinstance(value, list) and value else value
    what = held is not value
    if not isinstance(held, dict):
        return f"a list that begins with {kind_of(held)}" if what else kind_of(held)
    keys = ", ".join(list(held)[:8]) or "nothing"
    return f"a list of objects with {keys}" if what else f"an object with {keys}"


def _own(
    stream: Stream, name: str, choices: Choices, summary: Summary | None, on_fault: OnFault | None
) -> Iterator[Episode]:
    """Episodes and log records, which say themselves who is an agent; --context takes that back."""
    for record in _own_records(stream):
        try:
            if record.fault:
                raise MisfitError(record.fault)
            episode = _episode(record.value, choices) if name == "episode" else _log(record.value, choices)
        except (ValueError, TypeError, json_format.ParseError) as failure:
            fault, hint = f"{record.place}: {failure}", _hint(record.value, name)
            if on_fault is None:
                raise FileError(f"{fault}{'; it ' if hint else ''}{hint}") from failure
            on_fault(fault, hint)
            continue
        if summary is not None:
            counted = Counter((name, Kind.AGENT if name else Kind.FRAMEWORK) for name in episode.speakers())
            summary.add(episode, counted)
        yield episode


def _own_records(stream: Stream) -> Iterator[Record]:
    if not stream.begun or stream.source.path is not None:
        yield from records(stream.source)
        return
    for value in stream.values():  # of standard input, which can be looked at once
        held = value.value if isinstance(value.value, list) else [value.value]
        for k, element in enumerate(held, start=1):
            yield Record(element, f"{value.place}#{k}" if held is value.value else value.place)


def _hint(record: Any, name: str) -> str:
    other = detect(record)
    return f"looks like {other}: --input-format {other}" if other and other != name else ""


def _episode(record: Any, choices: Choices) -> Episode:
    check(record, episode_pb2.Episode.DESCRIPTOR)
    episode = Episode.from_proto(json_format.ParseDict(record, episode_pb2.Episode()))
    apply_choices(episode, choices)
    return episode


def _log(record: Any, choices: Choices) -> Episode:
    if not isinstance(record, Mapping):
        raise MisfitError(f"an object expected, got {kind_of(record)}")
    episode = from_record(record, keep_labels=choices.keep_labels, context_agents=choices.context, kinds=choices.kinds)
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
    found = read = False
    nothing: FileError | None = None
    for run, value in form.runs(streams, choices):
        found = True
        place = value.place
        try:
            fallback = f"{Path(value.name).name}:{value.line}" if value.line else Path(value.name).name
            episode = build(run, choices, fallback, summary)
        except (ValueError, TypeError) as failure:
            refused = FileError(f"{place}: not of format {form.name}: {failure}")
            # A group would wait for it in vain; what the reader does not know may hold texts.
            if not isinstance(failure, NothingSaidError) or run.group or not form.is_one(value.value):
                raise refused from failure
            nothing = nothing or refused
            if summary is not None:
                summary.dropped["runs without any text"] += 1
            continue
        read = True
        used[episode.id] += 1
        if used[episode.id] > 1:
            episode.id = f"{episode.id}#{used[episode.id]}"
            if summary is not None:
                summary.notes["ids that came again got a number: #2, #3, ..."] += 1
        yield episode
    if nothing is not None and not read:
        raise nothing
    if not found:
        names = ", ".join(stream.name for stream in streams[:3]) + (", ..." if len(streams) > 3 else "")
        raise FileError(f"{names}: no run of format {form.name} in it")


def read_outcomes(name: str) -> Iterator[Outcome]:
    """Outcomes of a file, one EpisodeResult or GroupResult a line; notices among them are told. Raises FileError."""
    for source in sources([name]):
        for number, line in text_lines(source):
            try:
                record = dict(as_dict(decode(line), "line"))
                if is_told(record):
                    continue
                if "groupId" in record or "group_id" in record:
                    yield group_outcome(json_format.ParseDict(record, signal_service_pb2.GroupResult()))
                else:
                    yield episode_outcome(json_format.ParseDict(record, signal_service_pb2.EpisodeResult()))
            except (ValueError, OverflowError, json_format.ParseError) as failure:
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
    # A reader that is not protobuf would take a missing reward for a failure.
    return json_format.MessageToJson(outcome_message(outcome), indent=None, always_print_fields_with_no_presence=True)
