"""Chat messages in all their dialects, read into one form.

OpenAI chat completions (flat, nested, custom and legacy calls, reasoning, refusals), Responses items, Anthropic blocks,
OpenTelemetry and Gemini parts, LangChain messages and generations, and what wraps any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_rl.convert._fields import first, from_json, is_list, label, mapping, mappings, to_json
from assay_rl.convert.content import (
    call_line,
    content_text,
    join,
    part_text,
    reasoning_line,
    reasoning_text,
    refusal_line,
    tokens_of,
)

ASSISTANT, USER, SYSTEM, TOOL = "assistant", "user", "system", "tool"

_ROLES = {
    **dict.fromkeys(("assistant", "ai", "AIMessage", "AIMessageChunk", "model", "agent", "gpt", "bot"), ASSISTANT),
    **dict.fromkeys(("user", "human", "HumanMessage", "HumanMessageChunk"), USER),
    **dict.fromkeys(("system", "developer", "SystemMessage", "SystemMessageChunk"), SYSTEM),
    **dict.fromkeys(("tool", "function", "ToolMessage", "FunctionMessage", "ToolMessageChunk", "ipython"), TOOL),
    **dict.fromkeys(("environment", "observation", "tool_response"), TOOL),
}
_LANGCHAIN = frozenset(name for name in _ROLES if name.endswith(("Message", "MessageChunk"))) | {"ai", "human", "chat"}
_CALL_PARTS = frozenset(
    ["tool_use", "tool_call", "tool-call", "function_call", "server_tool_use", "mcp_tool_use", "toolCall"]
)
_RESULT_PARTS = frozenset(["tool_result", "tool_call_response", "tool-result", "function_response", "toolResult"])
_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking", "thought")
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


@dataclass(slots=True)
class Call:
    """One call of a tool, as the model wrote it."""

    name: str
    arguments: Any = None
    id: str = ""

    def line(self) -> str:
        return call_line(self.name, self.arguments)


@dataclass(slots=True)
class Turn:
    """One message: its role in the words of OpenAI's chat (others as they are), its text, the calls it makes.

    A tool's result is a turn of role "tool" with the tool's `name` and the call's `id`.
    """

    role: str
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    name: str = ""
    id: str = ""
    tokens: int = 0
    finish: str = ""  # why the model stopped, where that is told
    extension: Mapping[str, Any] = field(default_factory=dict)  # our own fields, see FORMATS.md

    def content(self) -> str:
        return join(self.text, *(call.line() for call in self.calls))


def role_of(name: Any) -> str:
    text = label(name)
    return _ROLES.get(text, text)


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
    elif label(value.get("type")) in _CALL_PARTS | _RESULT_PARTS:
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
        if len(results) == 1 and not turn.text:
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
    if kind is None and label(raw.get("type")) in _ROLES:
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
    return call_of(part) if label(part.get("type")) in _CALL_PARTS else None


def _part_result(part: Any) -> Turn | None:
    if not isinstance(part, Mapping):
        return None
    kind = label(part.get("type"))
    held = part.get("functionResponse") if "type" not in part else None
    if isinstance(held, Mapping):
        return Turn(TOOL, content_text(held.get("response")), name=label(held.get("name")), id=label(held.get("id")))
    if kind not in _RESULT_PARTS and not kind.endswith("_tool_result"):
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
    known = {key for call in turn.calls for key in _keys(call)}
    for raw in listed:
        call = call_of(raw)
        if not known.intersection(_keys(call)):
            turn.calls.append(call)
            known.update(_keys(call) if call.id else ())


def _calls_at(held: Any) -> list[Mapping[str, Any]]:
    """Calls in a list, or one alone; datasets hold each as JSON in a text."""
    held = from_json(held)
    return mappings([from_json(call) for call in (held if is_list(held) else [held])])


def _keys(call: Call) -> Iterable[str]:
    return (f"id {call.id}",) if call.id else (call.line(),)


def call_of(raw: Mapping[str, Any]) -> Call:
    """A call in any form: nested {function: {name, arguments}}, custom, or flat {name | function, arguments | args}."""
    identity = label(first(raw, "id", "tool_call_id", "toolCallId", "call_id"))
    for key in ("function", "custom", "functionCall"):
        if isinstance(raw.get(key), Mapping):
            raw = raw[key]
            break
    name = label(first(raw, "name", "function", "function_name", "tool_name", "toolName", "tool"))
    return Call(name, first(raw, "arguments", "args", "input", "parameters", "tool_input"), identity)


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


def merged(found: Iterable[Turn]) -> list[Turn]:
    """The turns with neighbours by the same assistant made one: a model's answer in several items is one message."""
    out: list[Turn] = []
    for turn in found:
        last = out[-1] if out else None
        if last is not None and turn.role == last.role == ASSISTANT and turn.name == last.name:
            last.text = join(last.text, turn.text)
            last.calls += turn.calls
            last.tokens += turn.tokens
            last.finish = turn.finish or last.finish
        else:
            out.append(turn)
    return out
