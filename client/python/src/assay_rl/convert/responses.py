"""Items of OpenAI's Responses API, as turns of a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, label
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.content import content_text, reasoning_line, reasoning_text
from assay_rl.convert.turn import ASSISTANT, TOOL, Call, Turn

_CALL_ITEMS = {
    "function_call": ("arguments",),
    "custom_tool_call": ("input",),
    "mcp_call": ("arguments",),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "computer_call": ("action",),
    "apply_patch_call": ("operation",),
    "web_search_call": ("action", "query"),
    "file_search_call": ("queries",),
    "code_interpreter_call": ("code",),
    "tool_search_call": ("arguments",),
    "image_generation_call": ("prompt",),
}


def is_item(value: Mapping[str, Any]) -> bool:
    """Whether a value is an item of OpenAI's Responses API other than a message."""
    kind = value.get("type")
    if not isinstance(kind, str) or "role" in value:
        return False
    return (
        (kind in _CALL_ITEMS and bool({"call_id", "id", "status"} & set(value)))
        or kind.endswith("_call_output")
        or (kind == "reasoning" and bool({"summary", "encrypted_content"} & set(value)))
        or kind == "message"
    )


def item_turns(item: Mapping[str, Any]) -> list[Turn]:
    """One item of the Responses API."""
    kind = label(item.get("type"))
    if kind == "message":
        return message_turns({"role": ASSISTANT, **item})
    if kind == "reasoning":
        return [Turn(ASSISTANT, reasoning_line(reasoning_text(item)), id=label(item.get("id")))]
    identity = label(first(item, "call_id", "id"))
    if kind.endswith("_output"):
        return [Turn(TOOL, content_text(first(item, "output", "result")), id=identity)]
    name = first(item, "name") or kind.removesuffix("_call")
    found = [Turn(ASSISTANT, calls=[Call(label(name), first(item, *_CALL_ITEMS[kind]), identity)])]
    answered = first(item, "output", "outputs", "results", "result")
    if kind == "image_generation_call" and isinstance(answered, str):
        answered = [{"type": "image", "data": answered}]
    if answered:
        found.append(Turn(TOOL, content_text(answered), name=label(name), id=identity))
    return found
