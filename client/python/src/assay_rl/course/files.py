"""What people give to `report` and `log`: files of signals, of summaries and of episodes, with their steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from google.protobuf.json_format import ParseError

from assay_rl.client.notices import is_told
from assay_rl.convert.files import FileError
from assay_rl.convert.inputs import sources
from assay_rl.convert.json_values import decode
from assay_rl.convert.lines import text_lines
from assay_rl.convert.source import Source
from assay_rl.v1 import signal_service_pb2
from assay_rl.verify import records

from .metrics import role_metrics
from .summary import FORMAT, Json, StepSummary

Kind: TypeAlias = Literal["signals", "summary", "episodes", "empty"]
Result: TypeAlias = "signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult"
MAX_STEP = 10**12


@dataclass(frozen=True)
class Input:
    """One file of a course. step: None where each line says its own."""

    source: Source
    kind: Kind
    step: int | None

    @property
    def name(self) -> str:
        return self.source.name


def inputs(names: Sequence[str], step: str = "auto") -> list[Input]:
    """The files that names stand for, in order of their numbers, with their kind and step. Raises FileError.

    step: "name": the number behind "step" in a file's name, else its last number; "order": the file's place; "auto":
    the name where every file has a number of its own, else the order; anything else: the field of each line (a.b.c).
    """
    found = sorted(sources(list(names)), key=lambda s: _natural(s.name)) if len(names) == 1 else list(sources([*names]))
    kinds = [(source, _kind(source)) for source in found]
    telling = [source for source, kind in kinds if kind in ("signals", "summary")]
    numbers = _steps([source.name for source in telling], step)
    steps = dict(zip((id(source) for source in telling), numbers, strict=True))
    return [Input(source, kind, steps.get(id(source))) for source, kind in kinds]


def run_name(names: Sequence[str]) -> str:
    return Path(names[0]).name or names[0] if len(names) == 1 else f"{Path(names[0]).name} and {len(names) - 1} more"


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def number_in(name: str) -> int | None:
    """The step that a file's name tells: the number behind "step", else the last one before its endings."""
    stem = re.split(r"[/\\:]", name)[-1].split(".")[0]
    after = re.search(r"step[-_ ]?(\d+)", stem, re.IGNORECASE)
    numbers = re.findall(r"\d+", stem)
    text = after.group(1) if after else numbers[-1] if numbers else ""
    return int(text) if text and len(text) <= 12 else None


def _steps(names: Sequence[str], step: str) -> list[int | None]:
    order: list[int | None] = list(range(len(names)))
    if step == "order":
        return order
    if step not in ("auto", "name"):
        return [None] * len(names)
    told = [number_in(name) for name in names]
    if step == "name":
        for name, number in zip(names, told, strict=True):
            if number is None:
                raise FileError(f"{name}: no number in its name; --step order takes the files as they come")
        return told
    return order if None in told or len(set(told)) < len(told) else told


def _kind(source: Source) -> Kind:
    """What the first line of a file shows."""
    if source.name == "-":
        return "signals"  # standard input can be read once
    for number, line in text_lines(source):
        try:
            value = decode(line)
        except ValueError:
            # An object over several lines is what other tools write: episodes are read by their own reader.
            return "signals" if not line.strip().startswith(("{", "[")) else "episodes"
        if isinstance(value, dict):
            if "assay_step" in value:
                return "summary"
            if {"signals", "error", "groupId", "group_id", "notice"} & value.keys():
                return "signals"
            if {"messages", "agents", "outcome"} & value.keys():
                return "episodes"
            if {"episodeId", "episode_id"} & value.keys():
                return "signals"
        raise FileError(f"{source.name}:{number}: neither signals nor a summary nor episodes")
    return "empty"


@dataclass(frozen=True)
class Line:
    """A result and its step."""

    result: Result
    step: int | None


# Whether a page will show a result (step, group, episode), or only count it.
Shows: TypeAlias = "Callable[[int | None, str, str], bool]"


def results(one: Input, field: str | None = None, shows: Shows | None = None) -> Iterator[Line]:
    """The results of a file of signals. field: where each line says its step. Raises FileError."""
    for number, line in text_lines(one.source):
        found = read_line(one, f"{one.name}:{number}", line, field, shows)
        if found is not None:
            yield found


def read_line(one: Input, place: str, line: str, field: str | None = None, shows: Shows | None = None) -> Line | None:
    """What nobody will look at is left out of the result: the audit's evidence, and what `shows` has no use for.

    None where the line is a notice, which is told.
    """
    try:
        record = records.read_object(line)
        if is_told(record):
            return None
        step = one.step if field is None else _taken(record, field)
        _lighten(record, step, shows)
        parsed = records.parse_record(record)
    except (records.RecordError, FileError, ParseError) as error:
        raise FileError(f"{place}: {error}") from error
    return Line(parsed.result if isinstance(parsed, records.ResultLine) else parsed, step)


def _lighten(record: dict[str, Any], step: int | None, shows: Shows | None) -> None:
    signals = record.get("signals")
    audit = signals.get("audit") if isinstance(signals, dict) else None
    if isinstance(audit, dict):
        audit.pop("messages", None)
    if shows is None or not isinstance(signals, dict) or "groupId" in record or "group_id" in record:
        return
    group = signals.get("group")
    identity = record.get("episodeId", record.get("episode_id", ""))
    if not shows(step, group.get("id", "") if isinstance(group, dict) else "", str(identity)):
        signals.pop("pairs", None)
        if isinstance(audit, dict):
            audit.pop("questions", None)
        for name in ("agents", "messages"):
            if isinstance(signals.get(name), list):
                signals[name] = [_counted(entry) for entry in signals[name]]


# What a summary counts of agents and messages, in both spellings of JSON.
_COUNTED = frozenset(
    (
        "agentId",
        "agent_id",
        "credit",
        "low",
        "high",
        "rewardTotal",
        "reward_total",
        "index",
        "label",
        "redundancy",
        "grade",
    )
)


def _counted(entry: Any) -> Any:
    return {key: value for key, value in entry.items() if key in _COUNTED} if isinstance(entry, dict) else entry


def _taken(record: dict[str, Any], field: str) -> int:
    """The step under `field`, which is taken out of the record."""
    holder: Any = record
    *names, last = field.split(".")
    for name in names:
        holder = holder.get(name) if isinstance(holder, dict) else None
    value = holder.pop(last, None) if isinstance(holder, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_STEP:
        raise FileError(f"no whole number at {field!r} to be its step")
    if names and holder == {}:
        record.pop(names[0], None)  # what held the step alone is no part of the result
    return value


def summaries(one: Input) -> Iterator[Json]:
    """The summaries of a file, one a line. Raises FileError."""
    for number, line in text_lines(one.source):
        yield read_summary(f"{one.name}:{number}", line, one.step)


def read_summary(place: str, line: str, step: int | None = None) -> Json:
    """One summary. `step` holds where the summary itself says none."""
    try:
        value = decode(line)
    except ValueError as error:
        raise FileError(f"{place}: not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("assay_step") != FORMAT:
        raise FileError(f"{place}: no summary of a step (assay_step: {FORMAT})")
    for key, held in StepSummary().to_json().items():
        if held is not None and not isinstance(value.get(key), type(held)):
            raise FileError(f"{place}: a summary whose {key!r} is no {type(held).__name__}")
    try:
        for entry in value["roles"].values():
            role_metrics(entry)
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise FileError(f"{place}: a summary with a damaged role: {error}") from error
    if value.get("step") is None:
        value["step"] = step
    return value
