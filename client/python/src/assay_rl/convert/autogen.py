"""AutoGen logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay_rl.client.episodes import Episode, Message, Task
from assay_rl.convert._fields import ConversionError, as_dict, text_of, tool_call

_AUTOGEN_ENVIRONMENT = frozenset({"ToolCallExecutionEvent", "MemoryQueryEvent", "CodeExecutionEvent"})
_AUTOGEN_SILENT = frozenset({"ModelClientStreamingChunkEvent", "UserInputRequestedEvent", "SelectSpeakerEvent"})


def from_autogen(
    log: Any,
    *,
    id: str,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
    context_sources: Iterable[str] = ("user", "chat_manager", "system"),
) -> Episode:
    """An AutoGen 0.4 TaskResult or its messages (source, type, content, models_usage), or a 0.2 / AG2 chat history
    (name, role, content). Results of tools and of code, and what `context_sources` say, are context; streaming chunks
    are left out, because the whole message follows.
    """
    held = log.get("messages", log.get("chat_history")) if isinstance(log, Mapping) else getattr(log, "messages", log)
    if not isinstance(held, Sequence) or isinstance(held, str):
        raise ConversionError("messages: expected a list")
    context = set(context_sources)
    messages = []
    for i, raw in enumerate(held):
        message = as_dict(raw, f"messages[{i}]")
        kind = message.get("type", "")
        if kind in _AUTOGEN_SILENT:
            continue
        source = message.get("source") or message.get("name") or message.get("role") or ""
        if source in context or kind in _AUTOGEN_ENVIRONMENT or message.get("role") in ("system", "tool", "function"):
            source = ""
        usage = message.get("models_usage") or {}
        usage = usage if isinstance(usage, Mapping) else as_dict(usage, f"messages[{i}].models_usage")
        content = message.get("content")
        if kind == "ToolCallRequestEvent" and isinstance(content, Sequence) and not isinstance(content, str):
            calls = [as_dict(call, f"messages[{i}].content") for call in content]
            text = "\n".join(tool_call(call.get("name"), call.get("arguments", "")) for call in calls)
        else:
            text = text_of(content, f"messages[{i}].content")
        messages.append(Message(str(source), text, token_count=int(usage.get("completion_tokens") or 0)))
    if prompt is None:
        prompt = messages[0].content if messages and not messages[0].agent else ""
    return Episode(id, messages, task=Task(id, prompt, reference_answer), score=score)
