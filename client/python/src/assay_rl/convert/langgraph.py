"""LangGraph states and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay_rl.client.episodes import Episode, Message, Task
from assay_rl.convert._fields import ConversionError, as_dict, text_of, tool_call

_LANGCHAIN_TYPES = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "AIMessageChunk": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
    "ChatMessage": "chat",
}


def from_langgraph(
    log: Any,
    *,
    id: str,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
) -> Episode:
    """A LangGraph state ({"messages": [...]}), a list of LangChain messages, or the chunks of
    `graph.stream(..., stream_mode="updates")` ([{node: {"messages": [...]}}, ...]).

    Messages are objects, their `model_dump()`, `dumpd()` constructors or {role, content}. An AI message belongs to its
    `name`, else to the node that wrote it, else to "assistant"; all others are context. Nodes of one chunk ran in the
    same superstep and so did not read each other: they get the same round.
    """
    messages = [
        _langchain_message(raw, node, round_number, f"messages[{i}]")
        for i, (raw, node, round_number) in enumerate(_langgraph_messages(log))
    ]
    if prompt is None:
        prompt = messages[0].content if messages and not messages[0].agent else ""
    return Episode(id, messages, task=Task(id, prompt, reference_answer), score=score)


def _langgraph_messages(log: Any) -> list[tuple[Any, str, int]]:
    if isinstance(log, Mapping):
        log = log.get("messages", [log])
    if not isinstance(log, Sequence) or isinstance(log, str):
        raise ConversionError("expected a state, messages or update chunks")
    if not log or not all(_is_update(chunk) for chunk in log):
        return [(message, "", 0) for message in log]
    found = []
    for step, chunk in enumerate(log, start=1):
        for node, update in chunk.items():
            held = (update or {}).get("messages", ())
            for message in held if isinstance(held, Sequence) and not isinstance(held, str) else [held]:
                found.append((message, node, step))
    return found


def _is_update(chunk: Any) -> bool:
    if not isinstance(chunk, Mapping) or not chunk or "content" in chunk or "kwargs" in chunk:
        return False
    return all(update is None or isinstance(update, Mapping) for update in chunk.values())


def _langchain_message(raw: Any, node: str, round_number: int, path: str) -> Message:
    message = as_dict(raw, path)
    kind = message.get("type") or message.get("role")
    if kind == "constructor" or "kwargs" in message:
        identity = message.get("id") or [""]
        kind = _LANGCHAIN_TYPES.get(identity[-1], identity[-1])
        message = as_dict(message.get("kwargs") or {}, f"{path}.kwargs")
    agent = ""
    if kind in ("ai", "assistant", "AIMessageChunk"):
        metadata = message.get("response_metadata") or message.get("metadata") or {}
        agent = message.get("name") or metadata.get("langgraph_node") or node or "assistant"
    lines = [text_of(message.get("content"), f"{path}.content")]
    for call in message.get("tool_calls") or ():
        call = as_dict(call, f"{path}.tool_calls")
        lines.append(tool_call(call.get("name"), call.get("args", call.get("arguments", ""))))
    usage = message.get("usage_metadata") or {}
    return Message(
        str(agent),
        "\n".join(line for line in lines if line),
        round=round_number,
        token_count=int(usage.get("output_tokens") or 0) if agent else 0,
    )
