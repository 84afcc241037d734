"""OpenAI chat messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay_rl.client.episodes import Episode, Message, Task
from assay_rl.convert._fields import ConversionError, as_dict, text_of, tool_call

AgentOf = Callable[[Mapping[str, Any]], str]


_CONTEXT_ROLES = frozenset({"system", "developer", "user", "tool", "function"})


def from_openai_chat(
    messages: Sequence[Any],
    *,
    id: str,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
    agent_of: AgentOf | None = None,
) -> Episode:
    """Chat completion messages. Assistant messages belong to the agent in `name` ("assistant" without one), all other
    roles are context; `agent_of(message)` decides otherwise where it is given ("" is context). Tool calls become text.

    prompt: the task's; default: the first user message.
    """
    converted = []
    for i, raw in enumerate(messages):
        message = as_dict(raw, f"messages[{i}]")
        role = message.get("role")
        if agent_of is not None:
            agent = agent_of(message)
        elif role == "assistant":
            agent = message.get("name") or "assistant"
        elif role in _CONTEXT_ROLES:
            agent = ""
        else:
            raise ConversionError(f"messages[{i}].role: unknown role {role!r}")
        lines = [text_of(message.get("content"), f"messages[{i}].content")]
        for call in message.get("tool_calls") or ():
            function = as_dict(call, f"messages[{i}].tool_calls").get("function") or {}
            lines.append(tool_call(function.get("name"), function.get("arguments", "")))
        converted.append(Message(agent, "\n".join(line for line in lines if line)))
    if prompt is None:
        users = [m.content for m, raw in zip(converted, messages, strict=True) if _role(raw) == "user"]
        prompt = users[0] if users else ""
    return Episode(id, converted, task=Task(id, prompt, reference_answer), score=score)


def _role(message: Any) -> Any:
    return as_dict(message, "message").get("role")
