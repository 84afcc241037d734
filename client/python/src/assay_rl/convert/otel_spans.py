"""Spans of one trace, as an episode."""

from __future__ import annotations

from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.convert._fields import ConversionError, score_of
from assay_rl.convert.run import Choices, build
from assay_rl.convert.traces import one, raw_spans


def from_otel_spans(
    trace: Any,
    *,
    id: str | None = None,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
) -> Episode:
    """One trace: OTLP JSON ({"resourceSpans": [...]}), or a list of spans of OpenTelemetry (as `span.to_json()` writes
    them), the OpenAI Agents SDK, LangSmith or Langfuse; or a trace of MLflow or Langfuse.

    A message belongs to the innermost agent around the call of the model that wrote it. Results of tools are context.
    Messages stand in the order in which they were finished; where agents worked at the same time they have rounds.
    id: default: the trace's.
    """
    if not raw_spans(trace) and not isinstance(trace, dict):
        raise ConversionError("the trace has no spans")
    run = one(trace, Choices())
    run.id = id or run.id
    run.prompt = prompt if prompt is not None else run.prompt
    run.reference = reference_answer or run.reference
    run.outcome.score = score_of(score, "score") if score is not None else run.outcome.score
    return build(run, Choices(), id or "trace")
