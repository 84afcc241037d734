"""Test-only: episodes written in the formats of others, with what those do not say in our extension (FORMATS.md)."""

from __future__ import annotations

import json
from typing import Any

from assay_rl import Episode, Message

T0 = 1_796_000_000_000_000_000
STEP = 10**9


def _message_fields(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {"round": message.round}
    if message.answer is not None:
        fields["answer"] = message.answer
    if message.first_error:
        fields["first_error"] = True
    return fields


def _run_fields(episode: Episode) -> dict[str, Any]:
    return {
        "id": episode.id,
        "prompt": episode.task.prompt,
        "reference_answer": episode.task.reference_answer,
        "score": episode.score,
        "agents": [agent.id for agent in episode.players()],
    }


def _times(index: int) -> tuple[int, int]:
    return T0 + index * STEP, T0 + index * STEP + STEP // 2


def otel_genai(episode: Episode) -> dict[str, Any]:
    """One OTLP batch: an invoke_agent and a chat span a message, an execute_tool span for context."""
    spans = [_otlp(f"{0:016x}", "", "invoke_workflow", 0, len(episode.messages) + 1, _assay(_run_fields(episode)))]
    for k, message in enumerate(episode.messages, start=1):
        own = _assay(_message_fields(message))
        if not message.agent:
            result = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": message.content, **own}
            spans.append(_otlp(f"{k:016x}", f"{0:016x}", "execute_tool", k, k, result))
            continue
        output = [{"role": "assistant", "parts": [{"type": "text", "content": message.content}]}]
        chat = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps(output), **own}
        scope = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": message.agent}
        spans.append(_otlp(f"{k:08x}aaaaaaaa", f"{0:016x}", f"invoke_agent {message.agent}", k, k, scope))
        spans.append(_otlp(f"{k:016x}", f"{k:08x}aaaaaaaa", "chat m", k, k, chat))
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans[::-1]}]}]}


def _assay(fields: dict[str, Any]) -> dict[str, Any]:
    return {f"assay.{key}": value for key, value in fields.items() if value is not None}


def _otlp(id: str, parent: str, name: str, start: int, end: int, attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": id,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(_times(start)[0]),
        "endTimeUnixNano": str(_times(end)[1]),
        "attributes": [{"key": key, "value": _any_value(value)} for key, value in attributes.items()],
    }


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return {"stringValue": value}


def openinference(episode: Episode) -> dict[str, Any]:
    """Spans as an SDK's to_json writes them, with OpenInference's attributes."""
    spans = [_sdk("0x0", None, "run", 0, len(episode.messages) + 1, "CHAIN", _assay(_run_fields(episode)))]
    for k, message in enumerate(episode.messages, start=1):
        own = _assay(_message_fields(message))
        if not message.agent:
            spans.append(
                _sdk(f"0x{k:x}", "0x0", "execute_tool", k, k, "TOOL", {"output.value": message.content, **own})
            )
            continue
        said = {
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": message.content,
        }
        scope = {"agent.name": message.agent}
        spans.append(_sdk(f"0x{k:x}aaaa", "0x0", "agent", k, k, "AGENT", scope))
        spans.append(_sdk(f"0x{k:x}", f"0x{k:x}aaaa", "llm", k, k, "LLM", {**said, **own}))
    return {"spans": spans}


def _sdk(
    id: str, parent: str | None, name: str, start: int, end: int, kind: str, attributes: dict[str, Any]
) -> dict[str, Any]:
    seconds = [f"2026-11-30T{k // 3600:02d}:{k // 60 % 60:02d}:{k % 60:02d}" for k in (start, end)]
    return {
        "name": name,
        "context": {"trace_id": "0x1", "span_id": id},
        "parent_id": parent,
        "start_time": seconds[0] + "Z",
        "end_time": seconds[1] + ".5Z",
        "attributes": {"openinference.span.kind": kind, **attributes},
    }


def verifiers(episode: Episode) -> dict[str, Any]:
    """An episode of verifiers v1: a trace an agent; context stands where the next agent to speak was given it."""
    traces: dict[str, dict[str, Any]] = {}
    waiting: list[dict[str, Any]] = []
    for k, message in enumerate(episode.messages, start=1):
        said = {"content": message.content, "assay": _message_fields(message)}
        if not message.agent:
            waiting.append({"role": "user", **said, "assay": {**_message_fields(message), "agent": ""}})
            continue
        trace = traces.setdefault(message.agent, _verifiers_trace(message.agent))
        _verifiers_nodes(trace, waiting, k)
        waiting = []
        trace["calls"].append({"node": len(trace["nodes"]), "time": {"start": 100.0 + k, "end": 100.5 + k}})
        trace["nodes"].append({"message": {"role": "assistant", **said}, "sampled": True, "timestamp": 100.5 + k})
    last = next((m.agent for m in reversed(episode.messages) if m.agent), "agent")
    _verifiers_nodes(traces.setdefault(last, _verifiers_trace(last)), waiting, len(episode.messages) + 1)
    for trace in traces.values():
        if episode.score is not None:
            trace["rewards"] = {"outcome": {"score": episode.score, "weight": 1.0}}
    data = {"prompt": episode.task.prompt, "answer": episode.task.reference_answer}
    return {
        "id": episode.id,
        "env": {"id": "x"},
        "task": {"type": "T", "data": data},
        "ok": True,
        "traces": list(traces.values()),
        "assay": _run_fields(episode),
    }


def _verifiers_trace(agent: str) -> dict[str, Any]:
    return {"agent": {"name": agent, "trainable": True}, "nodes": [], "calls": [], "rewards": {}, "metrics": {}}


def _verifiers_nodes(trace: dict[str, Any], waiting: list[dict[str, Any]], k: int) -> None:
    trace["nodes"] += [{"message": held, "sampled": False, "timestamp": 100.0 + k} for held in waiting]


def atif(episode: Episode) -> dict[str, Any]:
    """A trajectory whose first agent is its own; the others are named in the steps."""
    steps = []
    for k, message in enumerate(episode.messages, start=1):
        extra = {"assay": {**_message_fields(message), "agent": message.agent}}
        step: dict[str, Any] = {"step_id": k, "source": "agent" if message.agent else "user", "extra": extra}
        steps.append({**step, "message": message.content})
    extra = {"assay": _run_fields(episode)}
    name = episode.players()[0].id
    agent = {"name": name, "version": "1"}
    return {"schema_version": "ATIF-v1.7", "session_id": episode.id, "agent": agent, "steps": steps, "extra": extra}


WRITERS = {"otel": otel_genai, "openinference": openinference, "verifiers": verifiers, "atif": atif}
