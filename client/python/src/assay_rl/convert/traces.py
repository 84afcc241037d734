"""Traces of every tracer, as runs: spans are told apart by their own fields, whichever file they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from assay_rl.convert import agents_sdk, langfuse, langsmith, mlflow, otel
from assay_rl.convert._fields import ConversionError, first, from_json, is_list, label, mapping, mappings
from assay_rl.convert.chat import turns
from assay_rl.convert.run import Choices, Run, envelope, extend_run
from assay_rl.convert.span import Span
from assay_rl.convert.spans import run_of
from assay_rl.convert.turn import USER, Turn

_RUN_FIELDS = frozenset({"id", "prompt", "reference_answer", "score", "truncated", "agents"})


def is_span(raw: Any) -> bool:
    """Whether a value looks like one span of any tracer."""
    return isinstance(raw, Mapping) and any(
        front_end.is_span(raw) for front_end in (agents_sdk, langsmith, otel, langfuse)
    )


def raw_spans(record: Any) -> list[Mapping[str, Any]] | None:
    """The spans that a record holds, itself one of them perhaps; None where it holds none by its form."""
    if is_list(record):
        return mappings(record) if record and all(map(is_span, record)) else None
    if not isinstance(record, Mapping):
        return None
    if is_span(record):
        return [record]
    if "resourceSpans" in record or "resource_spans" in record:
        return list(otel.spans_of_otlp(record))
    if "resourceLogs" in record or "resource_logs" in record:
        return []
    if mlflow.is_trace(record):
        return mappings(mapping(record.get("data")).get("spans"))
    for key in ("spans", "runs", "observations", "messages", "data", "trace", "batch"):
        held = record.get(key)
        if is_list(held) and held and all(map(is_span, held)):
            return mappings(held)
    return None


def is_trace(record: Any) -> bool:
    return all(raw_spans(part) is not None for part in _parts(record))


def is_whole(record: Any) -> bool:
    """Whether a value is about one run, rather than a span or a batch that others add to."""
    return isinstance(record, Mapping) and is_trace(record) and not is_span(record) and not _is_batch(record)


def _parts(record: Any) -> list[Any]:
    """The records of a value: those of a list, or itself. A row of MLflow's table holds its trace as JSON."""
    if is_list(record) and record and not all(map(is_span, record)):
        return [part for held in record for part in _parts(held)]
    held = from_json(mapping(record).get("trace"))
    return [held] if mlflow.is_trace(mapping(held)) else [record]


def read(records: Iterable[Any], choices: Choices) -> Iterator[Run]:
    """Runs of all records together: a trace may be spread over records, a record may hold many traces.

    A record that is itself about one run (with messages and an outcome, or a trace of Langfuse or MLflow) is one run.
    """
    spans = _Spans()
    for record in chain.from_iterable(map(_parts, records)):
        raw = raw_spans(record)
        if raw is None:
            raise ConversionError("no spans: neither OTLP JSON nor a list of spans, runs or observations")
        if is_whole(record):
            own = _Spans()
            own.add(record, raw)
            yield own.one(record, choices)
        else:
            spans.add(record, raw)
    yield from spans.runs(choices)


def one(record: Any, choices: Choices) -> Run:
    """The run of a record that holds exactly one trace."""
    spans = _Spans()
    found = raw_spans(record)
    if found is None:
        found = mappings(record)
    spans.add(record, found)
    return spans.one(record, choices)


def _is_batch(record: Mapping[str, Any]) -> bool:
    return any(key in record for key in ("resourceSpans", "resource_spans", "resourceLogs", "resource_logs", "batch"))


class _Spans:
    """Spans as they come, by trace. Texts that come again, as every history does, are kept once."""

    def __init__(self) -> None:
        self._by_trace: dict[str, list[Span]] = {}
        self._raw_events: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        self._waiting: dict[tuple[str, str], Mapping[str, Any]] = {}  # spans, by what a log record says of them
        self._outer: dict[str, Mapping[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._records = 0

    def add(self, record: Any, raw: Iterable[Mapping[str, Any]]) -> None:
        self._records += 1
        outer = mapping(record)
        if "resourceLogs" in outer or "resource_logs" in outer:
            for trace_id, span_id, event in otel.logs_of_otlp(outer):
                self._raw_events.setdefault((trace_id, span_id), []).append(event)
        for item in raw:
            for span in self._spans(item):
                span.trace = span.trace or f"record {self._records}"
                self._keep(span.asked)
                self._keep(span.wrote)
                self._by_trace.setdefault(span.trace, []).append(span)

    def _spans(self, raw: Mapping[str, Any]) -> Iterator[Span]:
        if langsmith.is_span(raw):
            for run in langsmith.runs_of(raw):
                yield langsmith.span_of(run)
        elif agents_sdk.is_span(raw):
            yield agents_sdk.span_of(raw)
        elif langfuse.is_span(raw) and not otel.is_span(raw):
            yield langfuse.span_of(raw)
        else:
            span = otel.span_of(raw)
            if not span.wrote:
                self._waiting[span.trace, span.id] = raw  # log records may bring its messages
            yield span

    def _keep(self, found: list[Turn]) -> None:
        for turn in found:
            turn.text = self._texts.setdefault(turn.text, turn.text)

    def _with_events(self, spans: list[Span]) -> list[Span]:
        out = []
        for span in spans:
            events = self._raw_events.pop((span.trace, span.id), None)
            raw = self._waiting.get((span.trace, span.id))
            out.append(otel.span_of(raw, events) if events and raw is not None else span)
        return out

    def runs(self, choices: Choices) -> Iterator[Run]:
        for trace in list(self._by_trace):
            run = self._run(self._with_events(self._by_trace.pop(trace)), choices)
            self._strays(run, trace)
            yield run

    def _strays(self, run: Run, trace: str) -> None:
        """Counts events of a trace whose span it does not hold."""
        strays = [key for key in self._raw_events if key[0] == trace]
        for key in strays:
            run.dropped["events whose span is not in the trace"] += len(self._raw_events.pop(key))

    def one(self, record: Any, choices: Choices) -> Run:
        spans = [span for found in self._by_trace.values() for span in found]
        if not spans:
            raise ConversionError("the trace has no spans")
        run = self._run(self._with_events(spans), choices)
        outer = mapping(record)
        run.record = record
        if mlflow.is_trace(outer):
            run.id = mlflow.id_of(outer) or run.id
            run.reference = mlflow.reference_of(outer)
            run.outcome.scores.update(mlflow.scores_of(outer))
        run.outcome.scores.update(langfuse.scores_of(outer))
        run.id = label(first(outer, "id")) or run.id
        if not run.prompt and "observations" in outer:
            asked = turns(from_json(outer.get("input")), USER)
            run.prompt = next((turn.text for turn in asked if turn.role == USER), "")
        return envelope(record, run) if isinstance(record, Mapping) else run

    def _run(self, spans: list[Span], choices: Choices) -> Run:
        run = run_of(spans, choices.agent)
        for span in spans:
            extend_run(run, {key: held for key, held in span.extension.items() if key in _RUN_FIELDS})
        return run
