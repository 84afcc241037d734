"""The one form into which messages of chats are read, and the roles of those who speak in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_rl.convert._fields import label
from assay_rl.convert.content import call_line, join

ASSISTANT, USER, SYSTEM, TOOL = "assistant", "user", "system", "tool"

ROLES = {
    **dict.fromkeys(("assistant", "ai", "AIMessage", "AIMessageChunk", "model", "agent", "gpt", "bot"), ASSISTANT),
    **dict.fromkeys(("user", "human", "HumanMessage", "HumanMessageChunk"), USER),
    **dict.fromkeys(("system", "developer", "SystemMessage", "SystemMessageChunk"), SYSTEM),
    **dict.fromkeys(("tool", "function", "ToolMessage", "FunctionMessage", "ToolMessageChunk", "ipython"), TOOL),
    **dict.fromkeys(("environment", "observation", "tool_response"), TOOL),
}


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
    return ROLES.get(text, text)


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


def is_handoff(name: str) -> bool:
    """Whether a tool of this name hands the conversation to another agent."""
    return bool(re.match(r"(transfer|hand_?off|handover)(_|\s|-|$)", name.lower()))
