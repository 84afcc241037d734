"""The chunks of streams of LangGraph, in every mode, and the messages that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay_rl.convert._fields import is_list, label, mapping, mappings, whole
from assay_rl.convert.chat_messages import is_langchain, is_message, message_turns
from assay_rl.convert.content import content_text, join
from assay_rl.convert.run import Choices, Run
from assay_rl.convert.turn import TOOL, USER, Turn

_MODES = frozenset({"updates", "values", "messages", "custom", "debug", "tasks", "checkpoints", "events", "output"})
_INTERRUPT = "__interrupt__"


@dataclass(slots=True)
class Chunk:
    """One chunk of a stream: its mode, the graph it comes from, the superstep where that is told, what it holds."""

    mode: str
    space: tuple[str, ...]
    held: Any
    step: int = 0


@dataclass(slots=True)
class Found:
    """A message with where it comes from."""

    message: Any
    node: str = ""
    space: tuple[str, ...] = ()
    round: int = 0
    batch: int = 0  # messages of one update or state


def is_langgraph(record: Any) -> bool:
    held = record.get("messages") if isinstance(record, Mapping) and is_list(record.get("messages")) else record
    if isinstance(held, Mapping):
        return False
    if not is_list(held) or not held:
        return False
    if all(isinstance(item, Mapping) and is_langchain(item) for item in held):
        return True
    return all(_is_chunk(item) for item in held) and any(_messages_inside(item) for item in held)


def is_chunk(value: Any) -> bool:
    """Whether a value is one chunk of a stream that was written a chunk a line, rather than a run by itself."""
    if is_list(value):
        return bool(value) and not is_langgraph(value) and _is_chunk(value)
    return isinstance(value, Mapping) and (_is_bare_state(value) or _is_event(value) or _is_update(value))


def shows_messages(value: Any) -> bool:
    """Whether a chunk alone is enough to tell a stream of LangGraph from anything else."""
    return is_chunk(value) and not _is_bare_state(value) and _messages_inside(value)


def goes_on(chunk: Any, later: Any) -> bool:
    """Whether a chunk belongs to the run of the one before it; a bare state does where it begins with that one's."""
    if not (_is_bare_state(chunk) and _is_bare_state(later)):
        return is_chunk(later)
    old, new = [list(map(message_key, _of_state(state))) for state in (chunk, later)]
    return bool(old) and new[: len(old)] == old


def _is_bare_state(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"messages"} and not is_message(value)


def _is_chunk(item: Any) -> bool:
    return _chunk(item) is not None


def _messages_inside(item: Any, depth: int = 0) -> bool:
    if depth > 5:
        return False
    if is_list(item):
        return any(_messages_inside(part, depth + 1) for part in item)
    if not isinstance(item, Mapping):
        return False
    return is_langchain(item) or any(_messages_inside(held, depth + 1) for held in item.values())


def _is_event(item: Any) -> bool:
    """The newer streams wrap a chunk: {"type": "updates", "ns": [...], "data": ...}."""
    return isinstance(item, Mapping) and label(item.get("type")) in _MODES and "data" in item


def _is_state(item: Any) -> bool:
    return isinstance(item, Mapping) and is_list(item.get("messages")) and not is_message(item)


def _is_update(item: Any) -> bool:
    if not isinstance(item, Mapping) or not item or is_langchain(item) or is_message(item) or _is_state(item):
        return False
    return all(held is None or isinstance(held, Mapping) or is_list(held) for held in item.values())


def all_messages(log: Any) -> bool:
    return all(not _is_chunk(item) for item in log)


def found_in(log: Any, choices: Choices, run: Run) -> Iterator[Found]:
    chunks = [chunk for chunk in map(_chunk, log) if chunk is not None]
    run.dropped["parts of a stream that are no chunk"] += len(log) - len(chunks)
    run.dropped = +run.dropped
    modes = {chunk.mode for chunk in chunks}
    if "updates" in modes:
        yield from _updates(chunks, choices, run)
    elif "values" in modes:
        for number, chunk in enumerate(chunks):
            if chunk.mode == "values":
                yield from (Found(m, space=chunk.space, batch=number) for m in _of_state(chunk.held))
    elif "messages" in modes:
        yield from _tokens(chunk.held for chunk in chunks if chunk.mode == "messages")
    else:
        yield from _tasks(chunks)


def _chunk(item: Any, space: tuple[str, ...] = ()) -> Chunk | None:
    """A chunk in any of its forms: bare, behind its mode, behind the name of its subgraph; None where it is none."""
    if isinstance(item, Mapping):
        return _bare_chunk(item, space)
    if not is_list(item) or len(item) < 2:
        return None
    head, *rest = item
    if is_list(head) and all(isinstance(part, str) for part in head):
        return _chunk(rest[0] if len(rest) == 1 else rest, tuple(head))
    if isinstance(head, Mapping) and _is_metadata(rest[0]):
        return Chunk("messages", space, item, whole(rest[0].get("langgraph_step")))
    mode = next((part for part in item if isinstance(part, str) and part in _MODES), "")
    held = next((part for part in reversed(item) if isinstance(part, Mapping) or _holds_message(part)), item[-1])
    if not mode:
        return None
    step = whole(mapping(held[1]).get("langgraph_step")) if is_list(held) and len(held) > 1 else 0
    return Chunk(mode, space, held, step)


def _bare_chunk(item: Mapping[str, Any], space: tuple[str, ...]) -> Chunk | None:
    if _is_event(item):
        return Chunk(
            item["type"], tuple(map(label, item.get("ns") or ())) or space, item["data"], whole(item.get("step"))
        )
    if isinstance(item.get("payload"), Mapping) and "step" in item:
        return Chunk("debug", space, item, whole(item["step"]))
    if isinstance(item.get("name"), str) and ("triggers" in item or "result" in item):
        return Chunk("tasks", space, item)
    if _is_state(item):
        return Chunk("values", space, item)
    return Chunk("updates", space, item) if _is_update(item) else None


def _is_metadata(value: Any) -> bool:
    return isinstance(value, Mapping) and ("langgraph_node" in value or "langgraph_step" in value)


def _holds_message(part: Any) -> bool:
    """Whether a part of a chunk is a list with a message, as the modes of tokens have it."""
    return is_list(part) and any(isinstance(inner, Mapping) for inner in part)


def _of_state(state: Any) -> list[Any]:
    held = mapping(state).get("messages")
    found = list(held) if is_list(held) else [] if held is None else [held]
    for interrupt in mappings(mapping(state).get(_INTERRUPT)):
        found.append({"type": "interrupt", "content": interrupt.get("value")})
    return found


def _updates(chunks: list[Chunk], choices: Choices, run: Run) -> Iterator[Found]:
    """Updates of nodes. The library sends one chunk a node; only a superstep's end, told by another mode, by a step
    number or by a chunk of several nodes, says for certain which nodes ran together."""
    updates = [chunk for chunk in chunks if chunk.mode == "updates"]
    certain = any(chunk.mode in ("values", "checkpoints") for chunk in chunks)
    certain |= any(len(mapping(chunk.held)) > 1 for chunk in updates) or any(chunk.step for chunk in updates)
    guessing = not certain and not choices.sequential
    steps = {message_id(c.held[0]): c.step for c in chunks if c.mode == "messages" and is_list(c.held) and c.step}
    certain |= bool(steps)
    step, nodes, calls = 0, set[str](), set[str]()
    for number, chunk in enumerate(chunks):
        if chunk.mode != "updates":
            nodes = nodes if chunk.mode == "messages" else set()
            if chunk.mode == "values" and not step:  # what the graph was given
                yield from (Found(m, space=chunk.space, batch=number) for m in _of_state(chunk.held))
            continue
        held = dict(mapping(chunk.held))
        own = {call for update in held.values() for call in _call_ids(update)}
        answers = {answer for update in held.values() for answer in _answer_ids(update)}
        silent = not any(
            turn.role != TOOL for update in held.values() for m in _of_update(update) for turn in turns_of(m)
        )
        together = bool(nodes) and not nodes & set(held) and not answers & calls and not silent
        told = chunk.step or max(
            (steps.get(message_id(m), 0) for update in held.values() for m in _of_update(update)), default=0
        )
        if told:
            step = told
        elif not (together and (guessing or (certain and _interleaved(chunks)))):
            step += 1
            nodes.clear()
        elif guessing:
            note = (
                "a stream of updates does not tell which nodes ran together: neighbours of different nodes were taken "
                'as one superstep; stream_mode=["updates", "values"] tells it, --sequential says that none did'
            )
            if note not in run.notes:
                run.notes.append(note)
        nodes = set() if silent else nodes | set(held)
        calls |= own
        for node, update in held.items():
            if node == _INTERRUPT:
                yield from (Found(m, round=step) for m in _of_state({_INTERRUPT: update}))
                continue
            said = _of_update(update)
            if not said and any(held not in (None, "", [], {}) for held in mapping(update).values()):
                run.dropped[f"updates of {node} without a message"] += 1
            for message in said:
                yield Found(message, node, chunk.space, step, number)


def _interleaved(chunks: list[Chunk]) -> bool:
    """Whether chunks of another mode stand between the supersteps."""
    return any(chunk.mode in ("values", "checkpoints") for chunk in chunks)


def _of_update(update: Any) -> list[Any]:
    if is_list(update):  # a node that returned commands or several updates
        return [message for part in update for message in _of_update(part)]
    if not isinstance(update, Mapping):
        return []
    if is_langchain(update) or is_message(update):
        return [update]
    held = update.get("messages")
    if isinstance(mapping(update).get("update"), Mapping):
        held = update["update"].get("messages")
    return list(held) if is_list(held) else [] if held is None else [held]


def _call_ids(update: Any) -> Iterator[str]:
    for message in _of_update(update):
        for turn in turns_of(message):
            yield from (call.id for call in turn.calls if call.id)


def _answer_ids(update: Any) -> Iterator[str]:
    for message in _of_update(update):
        yield from (turn.id for turn in turns_of(message) if turn.role == TOOL and turn.id)


def _tokens(chunks: Iterator[Any]) -> Iterator[Found]:
    """The messages of stream_mode="messages": pieces of a message have its id, and belong together."""
    pieces: dict[str, tuple[dict[str, Any], str, int]] = {}
    for number, chunk in enumerate(chunks):
        message = chunk[0] if is_list(chunk) and chunk else chunk
        metadata = mapping(chunk[1]) if is_list(chunk) and len(chunk) > 1 else {}
        raw = dict(mapping(message.get("kwargs")) or message) if isinstance(message, Mapping) else {"content": message}
        if isinstance(message, Mapping) and message.get("type") == "constructor":
            raw["type"] = label((message.get("id") or ["ai"])[-1])
        key = label(raw.get("id")) or f"chunk {number}"
        if key in pieces:
            held = pieces[key][0]
            held["content"] = content_text(held.get("content")) + content_text(raw.get("content"))
            held["tool_calls"] = [*(held.get("tool_calls") or ()), *(raw.get("tool_calls") or ())]
        else:
            pieces[key] = (raw, label(metadata.get("langgraph_node")), whole(metadata.get("langgraph_step")))
    for raw, node, step in pieces.values():
        yield Found(raw, node, round=step)


def _tasks(chunks: list[Chunk]) -> Iterator[Found]:
    """Results of tasks, of the modes "tasks" and "debug". Tasks that began before one of them ended ran together."""
    step, ended = 0, True
    for number, chunk in enumerate(chunks):
        held = mapping(chunk.held)
        payload = mapping(held.get("payload")) or held
        if "result" not in payload:
            step += ended and "triggers" in payload
            ended = ended and "triggers" not in payload
            if (chunk.mode == "debug" and number == 0) or (number == 0 and "input" in payload):
                given = _of_update(payload.get("input"))
                yield from (Found(message, batch=number) for message in given)
            continue
        ended = True
        result = payload["result"]
        pairs = is_list(result) and all(is_list(pair) and len(pair) == 2 for pair in result)
        update = {label(key): value for key, value in result} if pairs else result
        for message in _of_update(update):
            yield Found(message, label(payload.get("name")), chunk.space, chunk.step or step, number)


def message_id(raw: Any) -> str:
    held = mapping(raw)
    return label(mapping(held.get("kwargs")).get("id") if "kwargs" in held else held.get("id"))


def message_key(raw: Any) -> tuple[str, str, str]:
    said = turns_of(raw)
    return (said[0].role if said else "", said[0].name if said else "", join(*(turn.content() for turn in said)))


def turns_of(raw: Any) -> list[Turn]:
    if isinstance(raw, str):
        return [Turn(USER, raw)]
    return message_turns(mapping(raw)) if isinstance(raw, Mapping) else []
