"""Runs of AutoGen 0.4, and chat histories of AutoGen 0.2 and AG2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.convert._fields import ConversionError, as_dict, first, is_list, label, mapping, score_of
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.content import content_text, reasoning_line, tokens_of
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, build, envelope
from assay_rl.convert.turn import ASSISTANT, TOOL, Call

# Types of AutoGen 0.4's messages and events that are no message of an agent, and what wrote them.
_KINDS = {
    "ToolCallExecutionEvent": Kind.ENVIRONMENT,
    "CodeExecutionEvent": Kind.ENVIRONMENT,
    "MemoryQueryEvent": Kind.ENVIRONMENT,
    "ToolCallSummaryMessage": Kind.FRAMEWORK,  # an echo of the tool's result
    "HandoffMessage": Kind.FRAMEWORK,  # an echo of the call that hands over
    "StopMessage": Kind.FRAMEWORK,
    "SelectSpeakerEvent": Kind.FRAMEWORK,
    "SelectorEvent": Kind.FRAMEWORK,
}
_NO_TEXT = frozenset({"UserInputRequestedEvent"})
_CHUNK = "ModelClientStreamingChunkEvent"
_PIECES = "streamed pieces of messages that follow whole"
_SYSTEM_ROLES = frozenset({"system", "tool", "function"})
_ASIDE = re.compile(r"\s*\((thought|termination condition|internal|->[^()]*|next speaker|[^()]*)\)\s*$")


def is_autogen(record: Any) -> bool:
    held = _held(record)
    if not is_list(held) or not held:
        return False
    sample = [mapping(item) for item in held]
    if any(isinstance(m.get("source"), str) and ("type" in m or "models_usage" in m) for m in sample):
        return all("source" in m or "type" in m for m in sample)
    if any(_ag2_event(m) for m in sample):
        return True
    roles = {label(m.get("role")) for m in sample}
    named = all("role" in m and "content" in m for m in sample)
    others = roles - {"user", "assistant", "system", "tool", "function", "developer"}
    return named and (bool(others) or (any(m.get("name") for m in sample) and "chat_history" in mapping(record)))


def _held(record: Any) -> Any:
    if isinstance(record, Mapping):
        return first(record, "messages", "chat_history", "history", "events")
    return getattr(record, "messages", record)


def _part(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else getattr(record, name, None)


def read(record: Any, choices: Choices, people: Iterable[str] = ("user", "human", "chat_manager", "system")) -> Run:
    """A TaskResult or its messages (source, type, content, models_usage), or a history (name, role, content)."""
    held = _held(record)
    if not is_list(held):
        raise ConversionError("messages: a list expected")
    run, chunks, known = Run(record=record), dict[str, str](), set(people)
    for i, raw in enumerate(held):
        message = as_dict(raw, f"messages[{i}]")
        inner = _ag2_event(message)
        message = inner if inner is not None else message
        kind, author = label(message.get("type")), _author(message)
        if kind == _CHUNK:
            chunks[author] = chunks.get(author, "") + content_text(message.get("content"))
            continue
        if kind in _NO_TEXT and not message.get("content"):
            run.dropped[f"{kind}s"] += 1
            continue
        _say(run, message, kind, author, known)
        run.dropped[_PIECES] += _is_whole(run, chunks.pop(author, None), chunks, author)
    for author, text in chunks.items():
        if any(text.strip() in said.text for said in run.said):
            run.dropped[_PIECES] += 1
        else:
            run.say(author, Kind.AGENT, text)  # the stream broke off before the whole message
    run.dropped["summaries that no agent wrote as a message"] += not run.holds(content_text(_part(record, "summary")))
    run.dropped = +run.dropped
    reason = label(_part(record, "stop_reason"))
    run.outcome.truncated = bool(re.search(r"(?i)max(imum)?[ _]|timeout|timed out|token.*(limit|exceed)", reason))
    return envelope(record, run)


def _is_whole(run: Run, pieces: str | None, chunks: dict[str, str], author: str) -> bool:
    """Whether the message just added holds the pieces that were streamed before it; else they wait on."""
    if pieces is None:
        return False
    if run.said and pieces.strip() in run.said[-1].text:
        return True
    chunks[author] = pieces
    return False


def _author(message: Mapping[str, Any]) -> str:
    name = label(first(message, "source", "name", "sender", "role"))
    return _ASIDE.sub("", name).strip() or name


def _ag2_event(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """AG2's run events wrap a message: {"type": "text", "content": {"sender": ..., "content": ...}}."""
    inner = message.get("content")
    if isinstance(inner, Mapping) and "sender" in inner and "content" in inner:
        return {"type": message.get("type"), "role": ASSISTANT, **inner, "name": inner["sender"]}
    return None


def _say(run: Run, message: Mapping[str, Any], type: str, author: str, people: set[str]) -> None:
    tokens = tokens_of(message)
    content = message.get("content")
    kind = _KINDS.get(type, Kind.AGENT)
    if kind is Kind.ENVIRONMENT:
        author = "tool"
    elif type == "StopMessage" and tokens:
        kind = Kind.AGENT
    elif kind is Kind.FRAMEWORK:
        author = author if type == "StopMessage" else type
    elif author in people:
        kind = Kind.HUMAN
    if type == "ToolCallRequestEvent" and is_list(content):
        text = "\n".join(
            Call(label(call.get("name")), first(call, "arguments", "input")).line()
            for call in (as_dict(item, "content") for item in content)
        )
    elif type == "ThoughtEvent":
        text = reasoning_line(content_text(content))
    elif "source" in message:
        text = content_text(content if content is not None else message.get("result"))
    else:
        _say_history(run, message, author, kind, tokens)
        return
    run.say(author, kind, text, mapping(mapping(message.get("metadata")).get("assay")), tokens=tokens)


def _say_history(run: Run, message: Mapping[str, Any], author: str, kind: Kind, tokens: int) -> None:
    """An entry of AutoGen 0.2's history, in the form of OpenAI's chat with the agent's name."""
    known = mapping(message)
    if known.get("tool_responses") and known.get("role") == TOOL:
        answers = known["tool_responses"]  # which the content holds
        known = {key: held for key, held in known.items() if key != "tool_responses"}
        if not known.get("content"):
            known["content"] = answers
    for turn in message_turns({"role": ASSISTANT, **known}):
        said = turn.content()
        if label(known.get("role")) in _SYSTEM_ROLES or turn.role == TOOL:
            run.say(label(known.get("role")) or TOOL, Kind.ENVIRONMENT, said)
        else:
            run.say(author, kind, said, turn.extension, tokens=tokens)


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
    (name, role, content). Results of tools and of code, echoes of calls and handoffs, people, the framework's own
    agents and what `context_sources` say are context; streaming chunks are left out, because the whole message follows.
    """
    context = tuple(context_sources)
    choices = Choices(context=context)
    run = read(log, choices, context)
    run.prompt = prompt if prompt is not None else run.prompt
    run.reference = reference_answer or run.reference
    run.outcome.score = score_of(score, "score")
    return build(run, choices, id)
