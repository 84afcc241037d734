"""The turns of a chat in a value of any shape: messages, items, choices, generations, and what wraps any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import from_json, is_list, label, mappings, to_json
from assay_rl.convert.chat_messages import CALL_PARTS, RESULT_PARTS, is_langchain, is_message, message_turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.responses import is_item, item_turns
from assay_rl.convert.turn import ASSISTANT, Turn

_WRAPPERS = [
    "messages",
    "message",
    "output_messages",
    "output",
    "outputs",
    "generation",
    "response",
    "input_messages",
    "input",
    "inputs",
]
_TEXT_WRAPPERS = ["result", "content", "text", "query", "question", "value"]
_ABOUT = frozenset(
    [
        "id",
        "type",
        "model",
        "name",
        "usage",
        "object",
        "created",
        "status",
        "finish_reason",
        "stop_reason",
        "index",
        "metadata",
    ]
)


def turns(value: Any, role: str = ASSISTANT) -> list[Turn]:
    """All messages in a value of any shape; what has no role of its own gets `role`. JSON in a text is decoded."""
    return list(_read(from_json(value), role, 0))


def _read(value: Any, role: str, depth: int) -> Iterator[Turn]:
    if value is None or value == "":
        return
    if depth > 8:
        yield Turn(role, content_text(value))
    elif is_list(value):
        yield from _read_list(value, role, depth)
    elif isinstance(value, Mapping):
        yield from _read_mapping(value, role, depth)
    else:
        yield Turn(role, content_text(value) if isinstance(value, str) or not hasattr(value, "model_dump") else "")
        if hasattr(value, "model_dump"):
            yield from _read(value.model_dump(), role, depth + 1)


def _read_list(value: Any, role: str, depth: int) -> Iterator[Turn]:
    if value and all(isinstance(part, (str, Mapping)) for part in value) and not any(map(_holds_turns, value)):
        yield from message_turns({"role": role, "content": value})  # a list of content parts
        return
    for item in value:
        yield from _read(item, role, depth + 1)


def _holds_turns(value: Any) -> bool:
    """Whether a value is, or wraps, messages of its own rather than being a part of one."""
    if not isinstance(value, Mapping):
        return False
    return is_message(value) or is_item(value) or any(key in value for key in ("choices", "generations", "message"))


def _read_mapping(value: Mapping[str, Any], role: str, depth: int) -> Iterator[Turn]:
    if is_langchain(value) or isinstance(value.get("role"), str):
        yield from message_turns(value, role)
    elif is_item(value):
        yield from item_turns(value)
    elif is_list(value.get("choices")):
        for choice in mappings(value["choices"]):
            held = next((choice[key] for key in ("message", "delta") if isinstance(choice.get(key), Mapping)), None)
            found = list(_read(held if held is not None else choice.get("text"), role, depth + 1))
            for turn in found:
                turn.finish = label(choice.get("finish_reason"))
                turn.tokens = turn.tokens or tokens_of(value)
            yield from found
    elif is_list(value.get("generations")):
        for generation in _flat(value["generations"]):
            yield from _generation(generation, role, depth + 1)
    elif label(value.get("type")) in CALL_PARTS | RESULT_PARTS:
        yield from message_turns({"role": role, "content": [value]})
    else:
        held = _wrapped(value)
        if held is None:
            yield Turn(role, to_json(value))
        else:
            yield from _read(from_json(held), role, depth + 1)


def _generation(generation: Any, role: str, depth: int) -> Iterator[Turn]:
    """LangChain's generation: a message, and its text beside it."""
    if not isinstance(generation, Mapping):
        yield from _read(generation, role, depth)
        return
    message, text = generation.get("message"), content_text(generation.get("text"))
    if isinstance(message, Mapping) or hasattr(message, "model_dump"):
        found = list(_read(message, role, depth))
        yield from found
        text = "" if any(text.strip() in turn.text for turn in found) else text
    if text:
        yield Turn(role, text)


def _wrapped(value: Mapping[str, Any]) -> Any:
    """What a wrapper holds; None where the value says more than that, and so is text itself."""
    for key in _WRAPPERS:
        if is_list(value.get(key)) or isinstance(value.get(key), Mapping):
            return value[key]
    says = [key for key, held in value.items() if held not in (None, "", [], {}) and key not in _ABOUT]
    return value[says[0]] if len(says) == 1 and says[0] in (*_WRAPPERS, *_TEXT_WRAPPERS) else None


def _flat(value: Any) -> Iterator[Any]:
    for item in value:
        if is_list(item):
            yield from _flat(item)
        else:
            yield item
