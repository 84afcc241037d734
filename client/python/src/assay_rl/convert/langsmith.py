"""Runs of LangSmith: flat exports, and trees in `child_runs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import first, is_list, label, mapping, mappings
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.span import AGENT, CALL, MODEL, STEP, Span
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, USER, Call, merged

_KINDS = {"llm": MODEL, "chat_model": MODEL, "tool": CALL}


def is_span(raw: Mapping[str, Any]) -> bool:
    return isinstance(raw.get("run_type"), str)


def runs_of(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A run and all runs inside it."""
    yield raw
    for child in mappings(raw.get("child_runs")):
        yield from runs_of(child)


def span_of(raw: Mapping[str, Any]) -> Span:
    extra = mapping(raw.get("extra"))
    metadata = {**mapping(raw.get("metadata")), **mapping(extra.get("metadata"))}
    given = mapping(extra.get("invocation_params"))
    span = Span(
        label(first(raw, "id", "run_id")),
        label(raw.get("parent_run_id")),
        label(raw.get("trace_id")),
        label(raw.get("name")),
        _KINDS.get(label(raw.get("run_type")), STEP),
        start=time_of(raw.get("start_time")),
        end=time_of(raw.get("end_time")) or time_of(raw.get("start_time")),
    )
    inputs, outputs = raw.get("inputs"), raw.get("outputs")
    if span.kind == STEP and is_list(mapping(outputs).get("generations")):
        span.kind = MODEL
    if span.kind == CALL:
        tool = mapping(inputs)
        span.tool = Call(
            span.name, tool["input"] if set(tool) == {"input"} else inputs, label(metadata.get("tool_call_id"))
        )
        found = turns(outputs, ASSISTANT)
        span.result = "\n".join(turn.text or turn.content() for turn in found) or content_text(raw.get("error"))
        return span
    span.asked = turns(inputs, USER)
    span.wrote = merged(turn for turn in turns(outputs) if span.kind == MODEL or turn.role == ASSISTANT)
    if span.kind == MODEL:
        span.agent = label(first(metadata, "lc_agent_name", "agent_name", "langgraph_node"))
        span.agent = "" if span.agent.lower() in ("agent", "model", "call_model", "llm", "tools") else span.agent
        span.tokens = tokens_of(metadata) or tokens_of(mapping(outputs)) or sum(turn.tokens for turn in span.wrote)
        span.silent = f"run {span.id}" if outputs is None and raw.get("error") is None and span.end > span.start else ""
    elif is_list(given.get("handoffs")) or is_list(given.get("tools")) or metadata.get("ls_run_kind") == "agent":
        # The chain of an agent says which tools and colleagues the agent has.
        span.kind, span.agent = AGENT, span.name
    _fill_scores(span, raw)
    return span


def _fill_scores(span: Span, raw: Mapping[str, Any]) -> None:
    for name, stats in mapping(raw.get("feedback_stats")).items():
        value = first(mapping(stats), "avg", "score")
        if value is not None:
            span.scores[name] = value
    for feedback in mappings(raw.get("feedback")):
        value = first(feedback, "score", "value")
        if value is not None:
            span.scores[label(feedback.get("key")) or "feedback"] = value
