"""OpenTelemetry GenAI spans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assay_rl.client.episodes import Episode, Message, Task
from assay_rl.convert._fields import ConversionError, as_dict, part_text, text_of, tool_call


def from_otel_spans(
    trace: Any,
    *,
    id: str | None = None,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
) -> Episode:
    """One trace by the GenAI semantic conventions: OTLP JSON ({"resourceSpans": [...]}) or a list of spans, each
    {name, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, attributes} (or the SDK's `span.to_json()` fields).

    What a model wrote comes from gen_ai.output.messages (or a gen_ai.choice event) of chat and text_completion spans
    and belongs to the span's gen_ai.agent.name, or to that of the nearest invoke_agent span around it, else to
    "assistant". Results of execute_tool spans are context. Messages stand in order of their span's end. An
    invoke_agent span without a model span below it speaks for itself. id: default: the trace id.
    """
    spans = [_OtelSpan(span, f"spans[{i}]") for i, span in enumerate(_otel_list(trace))]
    if not spans:
        raise ConversionError("the trace has no spans")
    by_id = {span.id: span for span in spans if span.id}
    speaking = [s for s in spans if s.operation in ("chat", "text_completion", "generate_content")]
    covered = {ancestor.id for s in speaking for ancestor in _ancestors(s, by_id)}
    speaking += [s for s in spans if s.operation == "invoke_agent" and s.id not in covered]
    tools = [s for s in spans if s.operation == "execute_tool"]

    messages: list[Message] = []
    first_user = ""
    for span in sorted([*speaking, *tools], key=lambda s: (s.end, s.start)):
        if span.operation == "execute_tool":
            result = span.attributes.get("gen_ai.tool.call.result", "")
            name = span.attributes.get("gen_ai.tool.name", "tool")
            messages.append(Message("", f"[tool_result] {name}: {text_of(result, 'gen_ai.tool.call.result')}"))
            continue
        agent = next((a.agent for a in [span, *_ancestors(span, by_id)] if a.agent), "assistant")
        tokens = int(span.attributes.get("gen_ai.usage.output_tokens") or 0)
        for text in span.outputs():
            messages.append(Message(agent, text, token_count=tokens))
            tokens = 0  # told once a span
    for span in sorted(spans, key=lambda s: s.start):
        first_user = first_user or span.first_user()
    return Episode(
        id or spans[0].trace_id,
        messages,
        task=Task(prompt=first_user if prompt is None else prompt, reference_answer=reference_answer),
        score=score,
    )


def _otel_list(trace: Any) -> list[Any]:
    if isinstance(trace, Mapping):
        resources = trace.get("resourceSpans") or trace.get("resource_spans") or ()
        return [
            span
            for resource in resources
            for scope in resource.get("scopeSpans") or resource.get("scope_spans") or ()
            for span in scope.get("spans") or ()
        ]
    return list(trace)


class _OtelSpan:
    def __init__(self, raw: Any, path: str) -> None:
        span = as_dict(raw, path)
        context = span.get("context") or {}
        self.id = str(span.get("spanId") or span.get("span_id") or context.get("span_id") or "")
        self.parent = str(span.get("parentSpanId") or span.get("parent_span_id") or span.get("parent_id") or "")
        self.trace_id = str(span.get("traceId") or span.get("trace_id") or context.get("trace_id") or "")
        self.start = _time(span.get("startTimeUnixNano") or span.get("start_time_unix_nano") or span.get("start_time"))
        self.end = _time(span.get("endTimeUnixNano") or span.get("end_time_unix_nano") or span.get("end_time"))
        self.attributes = _otel_attributes(span.get("attributes"))
        self.events = [
            (str(event.get("name")), _otel_attributes(event.get("attributes"))) for event in span.get("events") or ()
        ]
        name = str(span.get("name") or "")
        self.operation = str(self.attributes.get("gen_ai.operation.name") or name.split(" ")[0])
        self.agent = str(self.attributes.get("gen_ai.agent.name") or "")

    def _messages(self, key: str) -> list[Mapping[str, Any]]:
        held = self.attributes.get(key)
        for _, attributes in self.events:
            held = held or attributes.get(key)
        if isinstance(held, str):
            try:
                held = json.loads(held)
            except json.JSONDecodeError as error:
                raise ConversionError(f"{key}: not JSON: {error}") from None
        return [as_dict(m, key) for m in held or ()]

    def outputs(self) -> list[str]:
        texts = [_otel_text(message) for message in self._messages("gen_ai.output.messages")]
        if not texts:
            texts = [
                _otel_text(_decoded(attributes.get("message", attributes)))
                for name, attributes in self.events
                if name == "gen_ai.choice"
            ]
        return [text for text in texts if text]

    def first_user(self) -> str:
        return next((_otel_text(m) for m in self._messages("gen_ai.input.messages") if m.get("role") == "user"), "")


def _decoded(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return {"content": value}
    return value if isinstance(value, Mapping) else {"content": text_of(value, "message")}


def _otel_text(message: Mapping[str, Any]) -> str:
    if "parts" not in message:
        return text_of(message.get("content"), "message.content")
    lines = []
    for i, raw in enumerate(message["parts"]):
        part = as_dict(raw, f"parts[{i}]")
        if part.get("type") == "tool_call":
            lines.append(tool_call(part.get("name"), part.get("arguments", "")))
        elif part.get("type") == "tool_call_response":
            lines.append(text_of(part.get("response", part.get("result")), f"parts[{i}].response"))
        else:
            lines.append(part_text(part, f"parts[{i}]"))
    return "\n".join(line for line in lines if line)


def _time(value: Any) -> tuple[int, str]:
    """Sorts: nanoseconds as numbers or digits, ISO 8601 as text."""
    if value is None:
        return (0, "")
    text = str(value)
    return (int(text), "") if text.isdigit() else (0, text)


def _otel_attributes(held: Any) -> dict[str, Any]:
    """A mapping as it is, or OTLP's [{key, value: {stringValue: ...}}]."""
    if held is None:
        return {}
    if isinstance(held, Mapping):
        return dict(held)
    return {entry["key"]: _otlp_value(entry.get("value") or {}) for entry in held}


def _otlp_value(value: Mapping[str, Any]) -> Any:
    for kind, held in value.items():
        if kind == "intValue":
            return int(held)
        if kind == "arrayValue":
            return [_otlp_value(v) for v in held.get("values") or ()]
        if kind == "kvlistValue":
            return {v["key"]: _otlp_value(v.get("value") or {}) for v in held.get("values") or ()}
        return held
    return None


def _ancestors(span: _OtelSpan, by_id: Mapping[str, _OtelSpan]) -> list[_OtelSpan]:
    found: list[_OtelSpan] = []
    seen = {span.id}
    while span.parent in by_id and span.parent not in seen:
        span = by_id[span.parent]
        seen.add(span.id)
        found.append(span)
    return found
