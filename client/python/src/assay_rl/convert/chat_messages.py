"""One chat message in any dialect, with the calls and results of tools that it carries.

OpenAI's chat completions (flat, nested, custom and legacy calls, reasoning, refusals), Anthropic's blocks, parts of
OpenTelemetry and Gemini, and the messages of LangChain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, from_json, is_list, label, mapping, mappings
from assay_rl.convert.content import (
    content_text,
    join,
    part_text,
    reasoning_line,
    reasoning_text,
    refusal_line,
    tokens_of,
)
from assay_rl.convert.turn import ASSISTANT, ROLES, TOOL, Call, Turn, role_of

_LANGCHAIN = frozenset(name for name in ROLES if name.endswith(("Message", "MessageChunk"))) | {"ai", "human", "chat"}
CALL_PARTS = frozenset(
    ["tool_use", "tool_call", "tool-call", "function_call", "server_tool_use", "mcp_tool_use", "toolCall"]
)
RESULT_PARTS = frozenset(["tool_result", "tool_call_response", "tool-result", "function_response", "toolResult"])
_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking", "thought")


def is_message(value: Any) -> bool:
    """Whether a value looks like one message of a chat."""
    if not isinstance(value, Mapping):
        return False
    if isinstance(value.get("role"), str):
        return "content" in value or "parts" in value or "tool_calls" in value or "function_call" in value
    return is_langchain(value)


def is_langchain(value: Mapping[str, Any]) -> bool:
    if value.get("type") == "constructor" and isinstance(value.get("kwargs"), Mapping):
        return True
    return value.get("type") in (*_LANGCHAIN, "system", "tool", "function") and ("content" in value or "data" in value)


def message_turns(raw: Mapping[str, Any], default_role: str = ASSISTANT) -> list[Turn]:
    """One message; the results of tools that it carries beside its text become turns of their own, before it."""
    message, role = _plain(raw, default_role)
    turn = Turn(
        role,
        name=label(message.get("name")),
        id=label(message.get("id")),
        tokens=tokens_of(message) or tokens_of(raw),
        finish=label(first(message, "finish_reason", "stop_reason")),
        extension=_extension(message),
    )
    results: list[Turn] = []
    texts = [thought_of(message)] if role == ASSISTANT else []
    parts = message.get("parts") if message.get("parts") is not None else message.get("content")
    for part in parts if is_list(parts) else [parts]:
        call, result = _part_call(part), _part_result(part)
        if call is not None:
            turn.calls.append(call)
        elif result is not None:
            results.append(result)
        else:
            texts.append(_part_of(part))
    refusal = first(message, "refusal") or mapping(message.get("additional_kwargs")).get("refusal")
    texts.append(refusal_line(content_text(refusal)))
    texts.append(content_text(mapping(message.get("audio")).get("transcript")))
    _add_calls(turn, message)
    if not turn.calls and not any(texts):
        texts.append(content_text(message.get("parsed")))  # a structured answer, which the content repeats elsewhere
    if texts and texts[0].removeprefix("[reasoning] ") in join(*texts[1:]):
        texts = texts[1:]  # some tell the thought beside the text that begins with it
    turn.text = join(*texts)
    if role == TOOL:
        turn.name = turn.name or label(first(message, "tool_name", "function"))
        turn.id = label(first(message, "tool_call_id", "call_id", "id"))
        if len(results) == 1 and turn.text in ("", results[0].text):
            turn.text, turn.id = results[0].text, results[0].id or turn.id
            return [turn]
    keeps = turn.text or turn.calls or not results
    return [*results, turn] if keeps else results


def thought_of(message: Mapping[str, Any]) -> str:
    """Reasoning beside a message's content: a text, Anthropic's or OpenRouter's blocks, or an item of Responses."""
    text = content_text(first(message, *_REASONING_KEYS))
    text = text or content_text(first(mapping(message.get("additional_kwargs")), *_REASONING_KEYS))
    blocks = [content_text(block) for block in mappings(message.get("thinking_blocks"))]
    blocks += [reasoning_line(reasoning_text(detail)) for detail in mappings(message.get("reasoning_details"))]
    item = reasoning_text(mapping(message.get("responses_reasoning_item")))
    more = [block for block in (*blocks, reasoning_line(item)) if block.removeprefix("[reasoning] ") not in text]
    return join(reasoning_line(text), *dict.fromkeys(more))


def _plain(raw: Mapping[str, Any], default_role: str) -> tuple[Mapping[str, Any], str]:
    """The message's own fields, out of LangChain's wrappers, and its role."""
    if raw.get("type") == "constructor" or "kwargs" in raw:
        identity = raw.get("id")
        kind = identity[-1] if is_list(identity) and identity else default_role
        held = mapping(raw.get("kwargs"))
        return held, role_of(held.get("role") if kind == "ChatMessage" else kind)
    if isinstance(raw.get("data"), Mapping) and "content" not in raw:
        return raw["data"], role_of(raw.get("type", default_role))
    kind = raw.get("role")
    if kind is None and label(raw.get("type")) in ROLES:
        kind = raw["type"]
    return raw, role_of(kind if kind is not None else default_role)


def _extension(message: Mapping[str, Any]) -> Mapping[str, Any]:
    for holder in (message, *(mapping(message.get(key)) for key in ("extra", "metadata", "additional_kwargs"))):
        if isinstance(holder.get("assay"), Mapping):
            return mapping(holder["assay"])
    return {}


def _part_of(part: Any) -> str:
    """A part's text; OpenTelemetry writes a text part as {"type": "text", "content": ...}."""
    return content_text(part) if part is None or isinstance(part, str) else part_text(part)


def _part_call(part: Any) -> Call | None:
    if not isinstance(part, Mapping):
        return None
    held = part.get("functionCall", part.get("function_call")) if "type" not in part else None
    if isinstance(held, Mapping):
        return Call(label(held.get("name")), first(held, "args", "arguments"), label(held.get("id")))
    return call_of(part) if label(part.get("type")) in CALL_PARTS else None


def _part_result(part: Any) -> Turn | None:
    if not isinstance(part, Mapping):
        return None
    kind = label(part.get("type"))
    held = part.get("functionResponse") if "type" not in part else None
    if isinstance(held, Mapping):
        return Turn(TOOL, content_text(held.get("response")), name=label(held.get("name")), id=label(held.get("id")))
    if kind not in RESULT_PARTS and not kind.endswith("_tool_result"):
        return None
    text = content_text(first(part, "content", "response", "result", "output"))
    identity = label(first(part, "tool_use_id", "tool_call_id", "toolCallId", "call_id", "id"))
    return Turn(TOOL, text, name=label(first(part, "name", "toolName")), id=identity)


def _add_calls(turn: Turn, message: Mapping[str, Any]) -> None:
    """Calls beside the content. LangChain and Anthropic tell the same call twice: once is enough."""
    more = mapping(message.get("additional_kwargs"))
    listed = [call for key in ("tool_calls", "invalid_tool_calls") for call in _calls_at(message.get(key))]
    listed = listed or mappings(more.get("tool_calls"))
    legacy = first(message, "function_call") or (None if listed else more.get("function_call"))
    if isinstance(legacy, Mapping):
        listed.append(legacy)
    told = list(turn.calls)  # in the content, each of which the list may repeat once
    for call in map(call_of, listed):
        same = next((known for known in told if is_same_call(known, call)), None)
        if same is not None:
            told.remove(same)
            same.id = same.id or call.id
        elif not call.id or all(known.id != call.id for known in turn.calls):
            turn.calls.append(call)


def _calls_at(held: Any) -> list[Mapping[str, Any]]:
    """Calls in a list, or one alone; datasets hold each as JSON in a text."""
    held = from_json(held)
    return mappings([from_json(call) for call in (held if is_list(held) else [held])])


def is_same_call(one: Call, other: Call) -> bool:
    """Whether two places tell one call: by its ids, or where one of them has none by all that it says."""
    return one.id == other.id if one.id and other.id else one.line() == other.line()


def call_of(raw: Mapping[str, Any]) -> Call:
    """A call in any form: nested {function: {name, arguments}}, custom, or flat {name | function, arguments | args}."""
    identity = label(first(raw, "id", "tool_call_id", "toolCallId", "call_id"))
    for key in ("function", "custom", "functionCall"):
        if isinstance(raw.get(key), Mapping):
            raw = raw[key]
            break
    name = label(first(raw, "name", "function", "function_name", "tool_name", "toolName", "tool"))
    return Call(name, first(raw, "arguments", "args", "input", "parameters", "tool_input"), identity)
