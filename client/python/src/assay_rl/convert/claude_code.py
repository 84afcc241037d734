"""Sessions of Claude Code: its own JSON lines, with sub-agents inside or in files of their own, and stream-json."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, mappings
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.content import content_text
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, TOOL, Turn

MAIN = "claude"
_SAID = frozenset({"user", "assistant"})


def is_line(record: Any) -> bool:
    held = mapping(record)
    kind = label(held.get("type"))
    if kind in _SAID and isinstance(held.get("message"), Mapping):
        return any(key in held for key in ("sessionId", "session_id", "uuid", "parentUuid"))
    if kind in ("summary", "file-history-snapshot", "queue-operation", "custom-title", "ai-title", "agent-name"):
        return any(key in held for key in ("leafUuid", "messageId", "sessionId", "operation", "snapshot"))
    return kind == "system" and any(key in held for key in ("sessionId", "session_id"))


def session_of(record: Any) -> str:
    return label(first(mapping(record), "sessionId", "session_id"))


def read(files: list[list[Any]], choices: Choices) -> Run:
    """One session: the lines of its file and of its sub-agents' files, by their times."""
    held = [mapping(line) for lines in files for line in lines]
    names = _SubAgents(held)
    run = Run(record=held)
    merged: dict[tuple[str, str], tuple[str, Turn]] = {}
    for line in (
        sorted(held, key=_time) if all(_time(line) for line in held if label(line.get("type")) in _SAID) else held
    ):
        run.id = run.id or session_of(line)
        kind = label(line.get("type"))
        if kind == "result":
            _result(run, line)
            continue
        if kind not in _SAID or not isinstance(line.get("message"), Mapping):
            if kind not in ("system", "result"):
                run.dropped[f"{label(kind) or 'unknown'} lines"] += 1
            continue
        if label(line.get("agentId")).startswith("acompact"):
            run.dropped["lines of a summary of the history"] += 1
            continue
        author = names.of(line) or choices.agent or MAIN
        message = mapping(line["message"])
        for turn in message_turns({"role": kind, **message}):
            if turn.role == ASSISTANT and (line.get("isApiErrorMessage") or message.get("model") == "<synthetic>"):
                run.say("error", Kind.FRAMEWORK, turn.content())  # what the harness wrote in the model's place
            elif turn.role == ASSISTANT:
                _say_piece(run, merged, author, label(message.get("id")), turn)
            elif turn.role == TOOL:
                run.say(TOOL, Kind.ENVIRONMENT, turn.content())
            elif line.get("isMeta") or line.get("isCompactSummary") or author != (choices.agent or MAIN):
                run.say("system", Kind.FRAMEWORK, turn.content())  # what the harness, or the main agent, told it
            else:
                run.say("user", Kind.HUMAN, turn.content())
    run.drop_empty()
    return envelope({}, run)


def _time(line: Mapping[str, Any]) -> int:
    return time_of(line.get("timestamp"))


def _say_piece(
    run: Run, merged: dict[tuple[str, str], tuple[str, Turn]], author: str, identity: str, turn: Turn
) -> None:
    """An answer is written a block a line; all blocks with one id are one message, where the first of them stands."""
    key = (author, identity)
    if identity and key in merged:
        place, whole = merged[key]
        whole.text = "\n".join(text for text in (whole.text, turn.text) if text)
        known = {call.id for call in whole.calls if call.id}
        whole.calls += [call for call in turn.calls if call.id not in known]
        said = run.said[int(place)]
        said.text, said.tokens = whole.content(), max(said.tokens, turn.tokens)
        return
    if not turn.content() and not identity:
        run.dropped["empty messages"] += 1
        return
    run.say(author, Kind.AGENT, turn.content(), keep=True, tokens=turn.tokens)
    merged[key] = (str(len(run.said) - 1), turn)


def _result(run: Run, line: Mapping[str, Any]) -> None:
    """The last line of a stream: what ended the session. It says nothing about right or wrong."""
    ending = label(line.get("subtype"))
    run.outcome.truncated |= ending in ("error_max_turns", "error_max_budget_usd")
    text = content_text(line.get("result"))
    if text and not any(text.strip() in said.text for said in run.said):
        run.say(MAIN, Kind.AGENT, text)


class _SubAgents:
    """Names of the sub-agents: by the kind that the call of the Task tool asked for."""

    def __init__(self, lines: list[Mapping[str, Any]]) -> None:
        self._kinds: dict[str, str] = {}  # by id of the call, by prompt, by id of the agent
        self._parents: dict[str, str] = {}
        for line in lines:
            content = mapping(line.get("message")).get("content")
            for part in mappings(content):
                given = mapping(part.get("input"))
                if part.get("type") == "tool_use" and isinstance(given.get("prompt"), str):
                    kind = label(first(given, "subagent_type", "name", "description")) or "sub-agent"
                    self._kinds[label(part.get("id"))] = kind
                    self._kinds[given["prompt"].strip()] = kind
            told = label(mapping(line.get("toolUseResult")).get("agentId"))
            for part in mappings(content):
                written = re.search(r"\bagentId: (\w+)", content_text(part.get("content")))
                agent = told or (written[1] if written else "")
                if agent and part.get("type") == "tool_result":
                    self._kinds[agent] = self._kinds.get(label(part.get("tool_use_id")), "sub-agent")
            if line.get("isSidechain"):
                text = content if isinstance(content, str) else "\n".join(map(content_text, mappings(content)))
                known = self._kinds.get(label(line.get("agentId"))) or self._kinds.get(text.strip())
                parent = self._parents.get(label(line.get("parentUuid")))
                self._parents[label(line.get("uuid"))] = known or parent or "sub-agent"

    def of(self, line: Mapping[str, Any]) -> str:
        """The sub-agent of a line; empty for the main agent."""
        called = label(line.get("parent_tool_use_id"))
        if called:
            return self._kinds.get(called, "sub-agent")
        if not line.get("isSidechain"):
            return ""
        agent = label(line.get("agentId"))
        return self._kinds.get(agent) or self._parents.get(label(line.get("uuid")), "sub-agent")
