"""Traces of MLflow: {"info": {...}, "data": {"spans": [...]}}; its spans are OpenTelemetry's, attributes as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, from_json, label, mapping, mappings, whole


def is_trace(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("info"), Mapping) and "spans" in mapping(record.get("data"))


def id_of(record: Mapping[str, Any]) -> str:
    return label(first(mapping(record.get("info")), "trace_id", "request_id"))


def scores_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Assessments of a trace by their names: feedback, not expectations."""
    scores: dict[str, Any] = {}
    for assessment in mappings(first(mapping(record.get("info")), "assessments") or record.get("assessments")):
        value = mapping(assessment.get("feedback")).get("value")
        if value is None and "expectation" not in assessment:
            value = assessment.get("value")
        if value is not None:
            scores[label(first(assessment, "assessment_name", "name")) or "assessment"] = value
    return scores


def reference_of(record: Mapping[str, Any]) -> str:
    """The expected response that somebody noted on the trace."""
    for assessment in mappings(mapping(record.get("info")).get("assessments")):
        value = mapping(assessment.get("expectation")).get("value")
        if value is not None and label(first(assessment, "assessment_name", "name")).startswith("expected"):
            return label(value)
    return ""


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a span with MLflow's own decoded: it writes even a text as JSON, '"AGENT"'.

    Its tokens are named as the conventions name them. What it notes of an agent of the OpenAI Agents SDK as its output,
    the kind of that output, is no text.
    """
    if not any(key.startswith("mlflow.") for key in attributes):
        return attributes
    held = {key: _unquoted(value) if key.startswith("mlflow.") else value for key, value in attributes.items()}
    if set(mapping(from_json(held.get("mlflow.spanOutputs")))) == {"output_type"}:
        del held["mlflow.spanOutputs"]
    tokens = whole(mapping(from_json(held.get("mlflow.chat.tokenUsage"))).get("output_tokens"))
    return {"gen_ai.usage.output_tokens": tokens, **held} if tokens else held


def _unquoted(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith('"'):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
