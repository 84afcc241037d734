"""Spans as the OpenAI Agents SDK's own exporter writes them: {"object": "trace.span", "span_data": {"type": ...}}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, whole
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.span import AGENT, CALL, HANDOFF, MODEL, Span
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import USER, Call, merged

_MODELS = frozenset({"response", "generation", "transcription", "speech"})


def is_span(raw: Mapping[str, Any]) -> bool:
    return isinstance(raw.get("span_data"), Mapping) or raw.get("object") in ("trace.span", "trace")


def span_of(raw: Mapping[str, Any]) -> Span:
    """A trace's own line, which holds no work, becomes an empty step.

    A response span holds the response's id and usage alone unless the exporter was told to keep more.
    """
    data = mapping(raw.get("span_data"))
    kind = label(data.get("type"))
    span = Span(
        label(raw.get("id")),
        label(raw.get("parent_id")),
        label(first(raw, "trace_id", "id")),
        label(first(data, "name") or raw.get("workflow_name")),
        start=time_of(raw.get("started_at")),
        end=time_of(raw.get("ended_at")) or time_of(raw.get("started_at")),
    )
    if kind == "agent":
        span.kind, span.agent = AGENT, span.name
    elif kind in _MODELS:
        _fill_model(span, data)
    elif kind == "function":
        span.kind, span.tool = CALL, Call(span.name, data.get("input"))
        span.result = content_text(data.get("output"))
    elif kind == "handoff":
        span.kind, span.tool = HANDOFF, Call("handoff")
        span.agent, span.result = label(data.get("from_agent")), label(data.get("to_agent"))
    elif "output" in data or "response" in data:
        _fill_model(span, data)
    return span


def _fill_model(span: Span, data: Mapping[str, Any]) -> None:
    response = mapping(data.get("response"))
    span.kind = MODEL
    span.wrote = merged(turns(first(data, "output") if "output" in data else response.get("output")))
    span.asked = turns(data.get("input"), USER)
    span.tokens = tokens_of(data) or whole(mapping(response.get("usage")).get("output_tokens"))
    answer = label(first(data, "response_id") or response.get("id"))
    span.silent = f"response {answer}" if answer else ""
