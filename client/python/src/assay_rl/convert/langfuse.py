"""Traces of Langfuse: a trace with its observations and scores, as the public API and the UI's export give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, from_json, label, mapping, mappings
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.span import AGENT, CALL, MODEL, STEP, Span
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, USER, Call, merged

_KINDS = {"GENERATION": MODEL, "AGENT": AGENT, "TOOL": CALL}
_TYPES = frozenset({*_KINDS, "SPAN", "EVENT", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"})


def is_span(raw: Mapping[str, Any]) -> bool:
    kind = label(raw.get("type")).upper()
    if kind in _TYPES:
        return any(key in raw for key in ("traceId", "trace_id", "parentObservationId", "startTime"))
    return bool(kind) and "id" in raw and "parentObservationId" in raw  # a type of a later version is a step


def span_of(raw: Mapping[str, Any]) -> Span:
    metadata = mapping(from_json(raw.get("metadata")))
    span = Span(
        label(raw.get("id")),
        label(first(raw, "parentObservationId", "parent_observation_id")),
        label(first(raw, "traceId", "trace_id")),
        label(raw.get("name")),
        _KINDS.get(label(raw.get("type")).upper(), STEP),
        start=time_of(first(raw, "startTime", "start_time")),
        end=time_of(first(raw, "endTime", "end_time")) or time_of(first(raw, "startTime", "start_time")),
    )
    if span.kind == CALL:
        span.tool = Call(span.name, from_json(raw.get("input")))
        span.result = content_text(raw.get("output"))
        return span
    span.asked = turns(raw.get("input"), USER)
    found = turns(raw.get("output"))
    span.wrote = merged(turn for turn in found if span.kind == MODEL or turn.role == ASSISTANT)
    if span.kind == AGENT:
        span.agent = span.name
    elif span.kind == MODEL:
        span.agent = label(first(metadata, "lc_agent_name", "agent_name", "langgraph_node"))
        span.tokens = tokens_of(raw)
    return span


def scores_of(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of a trace by their names; the one for the whole trace before one for an observation."""
    scores: dict[str, Any] = {}
    listed = mappings(trace.get("scores"))
    for score in sorted(listed, key=lambda s: s.get("observationId") is None):
        value = first(score, "value", "stringValue")
        if value is not None:
            scores[label(score.get("name")) or "score"] = value
    return scores
