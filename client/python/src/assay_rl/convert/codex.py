"""Sessions of Codex: rollout files, and the events of `codex exec --json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, whole
from assay_rl.convert.chat import ASSISTANT, SYSTEM, TOOL, Turn, is_item, merged, turns
from assay_rl.convert.content import content_text, reasoning_line
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope

MAIN = "codex"
_ROLLOUT = frozenset({"session_meta", "response_item", "event_msg", "turn_context", "compacted"})
_EXEC = frozenset(
    [
        "thread.started",
        "turn.started",
        "turn.completed",
        "turn.failed",
        "item.started",
        "item.updated",
        "item.completed",
    ]
)
# What the harness puts before a user's first words.
_BOILERPLATE = re.compile(r"\s*(<(environment_context|user_instructions|permissions|INSTRUCTIONS)|# AGENTS\.md)")


def is_line(record: Any) -> bool:
    held = mapping(record)
    kind = label(held.get("type"))
    return (kind in _ROLLOUT and "payload" in held) or (kind in _EXEC and len(held) <= 4)


def session_of(record: Any) -> str:
    held = mapping(record)
    if held.get("type") == "session_meta":
        return label(mapping(held.get("payload")).get("id"))
    return label(held.get("thread_id")) if held.get("type") == "thread.started" else ""


def read(lines: Iterable[Any], choices: Choices) -> Run:
    """One session. A file of a sub-agent says so in its first line, and names it there."""
    held = [mapping(line) for line in lines]
    run = Run(record=held, id=next(filter(None, map(session_of, held)), ""))
    meta = next((mapping(line.get("payload")) for line in held if line.get("type") == "session_meta"), {})
    agent = _name(meta) or choices.agent or MAIN
    found: list[Turn] = []
    for line in held:
        kind, payload = label(line.get("type")), mapping(line.get("payload"))
        if kind == "response_item" or (not kind and "type" in payload):
            found += _items(payload, run)
        elif kind == "event_msg":
            _event(payload, found, run)
        elif kind == "compacted":
            run.dropped["histories made shorter"] += 1
        elif kind in _EXEC:
            found += _exec_item(line, run)
        elif kind not in _ROLLOUT:
            run.dropped["lines of no known type"] += 1
    for turn in merged(found):
        boiler = turn.role == "user" and _BOILERPLATE.match(turn.text)
        if turn.role == ASSISTANT:
            run.say(agent, Kind.AGENT, turn.content(), tokens=turn.tokens)
        elif turn.role == TOOL:
            run.say(TOOL, Kind.ENVIRONMENT, turn.content())
        else:
            kind_of = Kind.SYSTEM if boiler or turn.role == SYSTEM else Kind.HUMAN
            run.say(SYSTEM if kind_of is Kind.SYSTEM else "user", kind_of, turn.content())
    return envelope({}, run)


def _name(meta: Mapping[str, Any]) -> str:
    source = meta.get("source")
    spawned = mapping(mapping(source).get("subagent"))
    inner = mapping(next(iter(spawned.values()), None)) if spawned else {}
    told = first({**meta, **spawned, **inner}, "agent_nickname", "agent_role", "agent_name")
    return label(told) or ("sub-agent" if spawned or mapping(source).get("subagent") else "")


def _items(payload: Mapping[str, Any], run: Run) -> list[Turn]:
    if payload.get("type") == "reasoning" and not (payload.get("summary") or payload.get("content")):
        run.dropped["encrypted thoughts"] += 1
        return []
    if payload.get("type") == "ghost_snapshot":
        return []
    found = turns(payload)
    if not is_item(payload) and payload.get("type") != "message" and "role" not in payload:
        run.dropped[f"items of type {label(payload.get('type'))}"] += not found
    return found


def _event(payload: Mapping[str, Any], found: list[Turn], run: Run) -> None:
    """Events repeat the items; they alone tell how many tokens an answer took, and that a turn was cut short."""
    kind = label(payload.get("type"))
    if kind == "token_count":
        spent = mapping(mapping(payload.get("info")).get("last_token_usage"))
        last = next((turn for turn in reversed(found) if turn.role == ASSISTANT), None)
        if last is not None and not last.tokens:
            last.tokens = whole(spent.get("output_tokens"))
    elif kind == "turn_aborted":
        run.outcome.truncated |= label(payload.get("reason")) in ("budget_limited", "max_turns")
    elif kind in ("agent_message", "user_message", "agent_reasoning"):
        text = content_text(first(payload, "message", "text"))
        if text and not any(text.strip() in turn.text for turn in found[-8:]):
            role = "user" if kind == "user_message" else ASSISTANT
            found.append(Turn(role, reasoning_line(text) if kind == "agent_reasoning" else text))
        else:
            run.dropped["events that repeat a message"] += 1


def _exec_item(line: Mapping[str, Any], run: Run) -> list[Turn]:
    item = mapping(line.get("item"))
    if line.get("type") == "turn.failed":
        run.notes.append("turns that failed")
    if line.get("type") != "item.completed" or not item:
        return []
    kind, text = label(item.get("type")), content_text(first(item, "text", "message"))
    if kind in ("agent_message", "assistant_message"):
        return [Turn(ASSISTANT, text)]
    if kind == "reasoning":
        return [Turn(ASSISTANT, reasoning_line(text))]
    result = content_text(first(item, "aggregated_output", "result", "output", "error"))
    told = {
        k: v for k, v in item.items() if k not in ("id", "type", "status", "aggregated_output", "result", "exit_code")
    }
    call = turns({"role": ASSISTANT, "tool_calls": [{"name": kind, "arguments": told}]})
    return [*call, Turn(TOOL, result)] if result else call
