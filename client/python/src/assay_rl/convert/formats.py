"""The formats by name: how each is told from the others, and how its files become runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from assay_rl.convert import (
    atif,
    autogen,
    claude_code,
    codex,
    crewai,
    inspect_eval,
    langgraph,
    langgraph_chunks,
    openai_chat,
    openhands,
    records,
    smolagents,
    swe_agent,
    tau2,
    text_logs,
    traces,
    verifiers,
)
from assay_rl.convert._fields import ConversionError, is_list, mapping
from assay_rl.convert.json_values import values
from assay_rl.convert.run import Choices, Run
from assay_rl.convert.source import FileError, Source, Value

Placed = tuple[Run, Value]


class Stream:
    """The values of a source; they can be looked at before they are read, standard input too."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._pending: Iterator[Value] | None = None

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def begun(self) -> bool:
        """Whether it has been looked at."""
        return self._pending is not None

    def first(self) -> Value | None:
        """The first value, which stays to be read."""
        held = self._pending or values(self.source, is_record)
        found = next(held, None)
        self._pending = chain([found] if found is not None else [], held)
        return found

    def values(self) -> Iterator[Value]:
        held, self._pending = self._pending or values(self.source, is_record), None
        return held


@dataclass(frozen=True)
class Format:
    """A format. `is_one` tells whether a value is one record of it; `runs` reads streams that hold such records."""

    name: str
    is_one: Callable[[Any], bool]
    runs: Callable[[list[Stream], Choices], Iterator[Placed]]


def _failed(name: str, value: Value, failure: Exception) -> FileError:
    told = str(failure) if isinstance(failure, ValueError) else f"{type(failure).__name__}: {failure}"
    told = "nested too deep" if isinstance(failure, RecursionError) else told
    return FileError(f"{value.place}: not of format {name}: {told}")


_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def _by_record(
    name: str, is_one: Callable[[Any], bool], read: Callable[[Value, Choices], Run | Iterator[Run]]
) -> Format:
    """A format whose records are independent of each other."""

    def runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
        for stream in streams:
            for value in stream.values():
                for record in _records(value, is_one):
                    _refuse_another(name, is_one, record)
                    yield from _placed(name, record, lambda record=record: read(record, choices))  # type: ignore[misc]

    return Format(name, is_one, runs)


def _records(value: Value, is_one: Callable[[Any], bool]) -> Iterator[Value]:
    """The records of a value: itself, or the elements of a list that is no record."""
    if is_list(value.value) and not is_one(value.value) and any(map(is_one, value.value[:1])):
        for number, element in enumerate(value.value, start=1):
            yield Value(element, f"{value.name}:{value.line}#{number}", 0, value.folder)
    else:
        yield value


_CHATS = frozenset(
    {"", "openai", "autogen", "langgraph", "whowhen", "log"}
)  # lists of messages that resemble each other


def _refuse_another(name: str, is_one: Callable[[Any], bool], value: Value) -> None:
    """A record of a quite different format would lose its agents without a word."""
    found = "" if is_one(value.value) else detect(value.value)
    if found not in _CHATS | {name}:
        raise FileError(f"{value.place}: not of format {name}: it looks like {found}")


def _placed(name: str, value: Value, read: Callable[[], Run | Iterator[Run]]) -> Iterator[Placed]:
    try:
        found = read()
        for run in [found] if isinstance(found, Run) else found:
            yield run, value
    except _UNREADABLE as failure:
        if isinstance(failure, FileError):
            raise
        raise _failed(name, value, failure) from failure


def _trace_runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
    """Traces over all files together. A broken value is named by its own place."""
    last: list[Value] = []

    def held() -> Iterator[Any]:
        for stream in streams:
            for value in stream.values():
                last[:] = [value]
                yield value.value

    try:
        for run in traces.read(held(), choices):
            yield run, last[0]
    except _UNREADABLE as failure:
        if isinstance(failure, FileError) or not last:
            raise
        raise _failed("otel", last[0], failure) from failure


def _session_runs(
    name: str,
    is_line: Callable[[Any], bool],
    session_of: Callable[[Any], str],
    read: Callable[[list[list[Any]], Choices], Run],
) -> Format:
    """A format whose files are one session each; files of one session, as sub-agents have them, belong together."""

    def runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
        sessions: dict[str, list[list[Value]]] = {}
        for stream in streams:
            held = list(stream.values())
            lines = [Value(line, v.name, v.line, v.folder) for v in held for line in _lines(v.value)]
            key = next(filter(None, (session_of(value.value) for value in lines)), stream.name)
            sessions.setdefault(key, []).append(lines)
        for parts in sessions.values():
            files = [[value.value for value in part] for part in parts if part]
            if files:
                first = next(value for part in parts for value in part)
                yield from _placed(name, first, lambda files=files: read(files, choices))  # type: ignore[misc]

    return Format(name, is_line, runs)


def _lines(value: Any) -> list[Any]:
    return list(value) if is_list(value) else [value]


def _chunk_runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
    """States and streams of LangGraph. Chunks that stand a line each are one run."""

    def read(chunks: list[Value]) -> Iterator[Placed]:
        held = chunks[0].value if len(chunks) == 1 else [chunk.value for chunk in chunks]
        return _placed("langgraph", chunks[0], lambda: langgraph.read(held, choices))

    for stream in streams:
        chunks: list[Value] = []
        for value in stream.values():
            for record in _records(value, langgraph_chunks.is_langgraph):
                if chunks and not langgraph_chunks.goes_on(chunks[-1].value, record.value):
                    yield from read(chunks)
                    chunks = []
                if langgraph_chunks.is_chunk(record.value):
                    chunks.append(record)
                else:
                    _refuse_another("langgraph", langgraph_chunks.is_langgraph, record)
                    yield from read([record])
        if chunks:
            yield from read(chunks)


def _event_runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
    """Conversations of OpenHands: records that hold their events, or events a line, or files of one in a folder."""
    loose: dict[str, list[Value]] = {}
    for stream in streams:
        for value in stream.values():
            for record in _records(value, FORMATS["openhands"].is_one):
                if openhands.is_state(record.value):
                    continue
                if openhands.is_event(record.value):
                    alone = bool(re.match(r"event-\d+", Path(record.name.rpartition(":")[2]).name))
                    loose.setdefault(str(Path(record.name).parent) if alone else record.name, []).append(record)
                else:
                    _refuse_another("openhands", FORMATS["openhands"].is_one, record)
                    yield from _placed("openhands", record, lambda record=record: openhands.read(record.value, choices))  # type: ignore[misc]
    for place, events in loose.items():
        whole = Value([event.value for event in events], place, 0, events[0].folder)
        yield from _placed("openhands", whole, lambda whole=whole: openhands.read(whole.value, choices))  # type: ignore[misc]


def _rollout_runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
    """Rollouts and their groups: files are read twice, for the sizes of the groups; standard input is kept."""
    is_one = FORMATS["verifiers"].is_one
    groups = verifiers.Groups()
    kept: dict[int, list[Value]] = {}
    for number, stream in enumerate(streams):
        if stream.source.path is None:
            kept[number] = list(stream.values())
        for value in kept.get(number) or Stream(stream.source).values():
            for record in _records(value, is_one):
                groups.count(record.value)

    def read(value: Value) -> Run:
        run = verifiers.read(value.value, choices)
        groups.place(value.value, run)
        return run

    for number, stream in enumerate(streams):
        for value in kept[number] if number in kept else Stream(stream.source).values():
            for record in _records(value, is_one):
                yield from _placed("verifiers", record, lambda record=record: read(record))  # type: ignore[misc]


def is_episode(record: Any) -> bool:
    """Whether a value looks like an Episode in the proto3 JSON mapping."""
    held = mapping(record)
    listed = held.get("messages")
    if not is_list(listed):
        return False
    if any(isinstance(m, dict) and ("agentId" in m or "agent_id" in m) for m in listed):
        return True
    own = {"id", "task", "agents", "messages", "outcome", "group", "values"}
    typed = isinstance(held.get("outcome"), dict) or isinstance(held.get("task"), dict)
    return set(held) <= own and (
        typed or not listed or all(set(m) <= {"content"} for m in listed if isinstance(m, dict))
    )


def _no_runs(streams: list[Stream], choices: Choices) -> Iterator[Placed]:
    raise ConversionError("episodes and log records are read by assay_rl.convert.files")


def _openai(value: Value, choices: Choices) -> Run:
    return openai_chat.read(value.value, choices)


# In the order in which a file's first value is tried: the particular before the general.
_ALL = (
    Format("episode", is_episode, _no_runs),
    Format("log", records.is_log, _no_runs),
    _by_record("whowhen", records.is_whowhen, lambda v, c: records.read_whowhen(v.value, c)),
    _by_record("mast", text_logs.is_mast, lambda v, c: text_logs.read(v.value, c)),
    Format("verifiers", lambda v: verifiers.is_episode(v) or verifiers.is_rollout(v), _rollout_runs),
    _by_record("tau2", lambda v: tau2.is_results(v) or tau2.is_simulation(v), lambda v, c: tau2.read(v.value, c)),
    _by_record("atif", atif.is_atif, lambda v, c: atif.read(v.value, c, v.folder)),
    _by_record(
        "inspect",
        lambda v: inspect_eval.is_log(v) or inspect_eval.is_sample(v),
        lambda v, c: inspect_eval.read(v.value, c),
    ),
    _by_record("swe-agent", swe_agent.is_swe_agent, lambda v, c: swe_agent.read(v.value, c)),
    Format(
        "openhands", lambda v: openhands.is_openhands(v) or openhands.is_event(v) or openhands.is_state(v), _event_runs
    ),
    _by_record("smolagents", smolagents.is_smolagents, lambda v, c: smolagents.read(v.value, c)),
    _by_record("crewai", crewai.is_crewai, lambda v, c: crewai.read(v.value, c)),
    Format("otel", traces.is_trace, _trace_runs),
    _session_runs("claude-code", claude_code.is_line, claude_code.session_of, claude_code.read),
    _session_runs("codex", codex.is_line, codex.session_of, codex.read),
    Format("langgraph", lambda v: langgraph_chunks.is_langgraph(v) or langgraph_chunks.shows_messages(v), _chunk_runs),
    _by_record("autogen", autogen.is_autogen, lambda v, c: autogen.read(v.value, c)),
    _by_record("openai", openai_chat.is_chat, _openai),
    _by_record("text", text_logs.is_text_log, lambda v, c: text_logs.read(v.value, c)),
)
FORMATS: dict[str, Format] = {form.name: form for form in _ALL}


def detect(value: Any) -> str:
    """The format that a value is a record of, or whose records it lists; empty where none is recognised."""
    for form in _ALL:
        if form.is_one(value):
            return form.name
    if is_list(value) and value and not is_list(value[0]):
        return detect(value[0])
    return ""


def is_record(value: Any) -> bool:
    """Whether a value stands for a whole run, so that a list of its kind is a list of runs."""
    if isinstance(value, str) or is_list(value):
        return False
    found = detect(value)
    if found == "langgraph":
        return len(mapping(value)) > 1 and not langgraph_chunks.is_chunk(value)  # chunks make a stream together
    if found == "otel":
        return traces.is_whole(value)
    return found not in ("", "claude-code", "codex") and not openhands.is_event(value)
