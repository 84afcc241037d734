"""Sessions of Codex: rollout files, and the events of `codex exec --json`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, whole
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, reasoning_line
from assay_rl.convert.responses import is_item
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, Turn, merged

MAIN = "codex"
_ROLLOUT = frozenset({"session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"})
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
    """The session that a line begins; of a sub-agent the one that spawned it, to which its file belongs."""
    held = mapping(record)
    if held.get("type") == "session_meta":
        meta = mapping(held.get("payload"))
        return label(_spawned(meta).get("parent_thread_id")) or label(meta.get("id"))
    return label(held.get("thread_id")) if held.get("type") == "thread.started" else ""


def read(files: list[list[Any]], choices: Choices) -> Run:
    """One session, with the files of its sub-agents, by their times. A sub-agent's file names it in its first line."""
    run = Run(record=files, id=next(filter(None, (session_of(line) for lines in files for line in lines)), ""))
    said = [entry for lines in files for entry in _said([mapping(line) for line in lines], run, choices)]
    if len(files) > 1:
        said.sort(key=lambda entry: entry[0])
    for _, agent, turn in said:
        boiler = turn.role == "user" and _BOILERPLATE.match(turn.text)
        if turn.role == ASSISTANT:
            run.say(agent, Kind.AGENT, turn.content(), tokens=turn.tokens)
        elif turn.role == TOOL:
            run.say(TOOL, Kind.ENVIRONMENT, turn.content())
        elif turn.role == "user" and agent != (choices.agent or MAIN) and not boiler:
            run.say("task", Kind.FRAMEWORK, turn.content())  # what the main agent told it
        else:
            kind_of = Kind.SYSTEM if boiler or turn.role == SYSTEM else Kind.HUMAN
            run.say(SYSTEM if kind_of is Kind.SYSTEM else "user", kind_of, turn.content())
    return envelope({}, run)


def _said(held: list[Mapping[str, Any]], run: Run, choices: Choices) -> Iterator[tuple[int, str, Turn]]:
    """When, by whom and what: the messages of one file."""
    meta = next((mapping(line.get("payload")) for line in held if line.get("type") == "session_meta"), {})
    agent = _name(meta) or choices.agent or MAIN
    found: list[Turn] = []
    began: dict[int, int] = {}  # of each turn, by its identity
    now = 0
    for line in held:
        now, known = time_of(line.get("timestamp")) or now, len(found)
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
        began.update((id(turn), now) for turn in found[known:])
    for turn in merged(found):
        yield began.get(id(turn), now), agent, turn


def _spawned(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the source of a sub-agent's session says about it, the kind of sub-agent aside."""
    kinds = mapping(first(mapping(meta.get("source")), "subagent", "subAgent"))
    return mapping(next(iter(kinds.values()), None))


def _name(meta: Mapping[str, Any]) -> str:
    source = first(mapping(meta.get("source")), "subagent", "subAgent")
    kind = source if isinstance(source, str) else label(next(iter(mapping(source)), ""))
    told = first({**meta, **_spawned(meta)}, "agent_nickname", "agent_role", "agent_name")
    return label(told) or ({"thread_spawn": "sub-agent", "other": "sub-agent"}.get(kind, kind) if source else "")


def _items(payload: Mapping[str, Any], run: Run) -> list[Turn]:
    if payload.get("type") == "reasoning" and not (payload.get("summary") or payload.get("content")):
        run.dropped["encrypted thoughts"] += 1
        return []
    if payload.get("type") in ("ghost_snapshot", "additional_tools"):
        return []
    if payload.get("type") == "agent_message" and "author" in payload:
        # What another agent sent to this one: its own file tells it where that is here.
        author, text = label(payload.get("author")), content_text(payload.get("content"))
        return [Turn(TOOL, f"[message of {author}] {text}")] if text else []
    found = turns(payload)
    if not is_item(payload) and payload.get("type") != "message" and "role" not in payload:
        run.dropped[f"items of type {label(payload.get('type')) or 'nothing'}"] += not found
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
    if kind == "error":
        return [Turn(TOOL, text)]
    result = content_text(first(item, "aggregated_output", "result", "output", "error"))
    told = {
        k: v for k, v in item.items() if k not in ("id", "type", "status", "aggregated_output", "result", "exit_code")
    }
    call = turns({"role": ASSISTANT, "tool_calls": [{"name": kind, "arguments": told}]})
    return [*call, Turn(TOOL, result)] if result else call
