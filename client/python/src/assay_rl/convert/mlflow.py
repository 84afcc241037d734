"""Traces of MLflow: {"info": {...}, "data": {"spans": [...]}}; its spans are OpenTelemetry's, attributes as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, mappings


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
