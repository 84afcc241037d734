"""Spans of OpenTelemetry, by the attributes of each instrumentation.

The GenAI conventions (current names, older ones, span events, events as log records), OpenInference, OpenLLMetry,
MLflow, Langfuse's own attributes, the Vercel AI SDK, Google ADK, Pydantic AI and Strands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assay_rl.convert import logfire, mlflow
from assay_rl.convert._fields import first, from_json, is_list, label, mapping, mappings, whole
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.printed import read_printed
from assay_rl.convert.span import AGENT, CALL, HANDOFF, MODEL, STEP, Span
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, USER, Call, Turn, merged

Attributes = dict[str, Any]

# What an instrumentation calls its kinds of spans, in lower case.
_KIND_KEYS = (
    "gen_ai.operation.name",
    "openinference.span.kind",
    "traceloop.span.kind",
    "mlflow.spanType",
    "langfuse.observation.type",
    "ai.operationId",
)
_KINDS = {
    **dict.fromkeys(["invoke_agent", "agent", "agent_run", "plan"], AGENT),
    **dict.fromkeys(
        ["chat", "text_completion", "generate_content", "completion", "llm", "chat_model", "generation"], MODEL
    ),
    **dict.fromkeys(
        ["inference", "responses", "call_llm", "ai.generatetext.dogenerate", "ai.streamtext.dostream"], MODEL
    ),
    **dict.fromkeys(["ai.generateobject.dogenerate", "ai.streamobject.dostream"], MODEL),
    **dict.fromkeys(["execute_tool", "tool", "function", "running_tool", "ai.toolcall"], CALL),
    **dict.fromkeys(["handoff", "agent_handoff"], HANDOFF),
}
_AGENT_NAMES = ("gen_ai.agent.name", "agent.name", "agent_name", "graph.node.id", "ai.telemetry.functionId")
_TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "tool_name", "ai.toolCall.name", "traceloop.entity.name")
_TOOL_IDS = ("gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id")
_TOOL_INPUTS = [
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "ai.toolCall.args",
    "gcp.vertex.agent.tool_call_args",
    "input.value",
    "traceloop.entity.input",
    "mlflow.spanInputs",
    "langfuse.observation.input",
]
_TOOL_OUTPUTS = [
    "gen_ai.tool.call.result",
    "tool_response",
    "ai.toolCall.result",
    "gcp.vertex.agent.tool_response",
    "output.value",
    "traceloop.entity.output",
    "mlflow.spanOutputs",
    "langfuse.observation.output",
]
_TOKENS = [
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
]
_INPUT_KEYS = [
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "gcp.vertex.agent.llm_request",
    "gen_ai.prompt",
    "input.value",
    "traceloop.entity.input",
    "mlflow.spanInputs",
    "langfuse.observation.input",
]
_OUTPUT_KEYS = [
    "gen_ai.output.messages",
    "gcp.vertex.agent.llm_response",
    "gen_ai.completion",
    "output.value",
    "traceloop.entity.output",
    "mlflow.spanOutputs",
    "langfuse.observation.output",
]
_HISTORY_KEYS = ("pydantic_ai.all_messages", "all_messages_events", "events")


def attributes_of(held: Any) -> Attributes:
    """A mapping as it is, or OTLP's [{key, value: {stringValue: ...}}]."""
    if isinstance(held, Mapping):
        return dict(held)
    return {label(entry.get("key")): _otlp_value(entry.get("value")) for entry in mappings(held)}


def _otlp_value(value: Any) -> Any:
    """OTLP's AnyValue. An integer is written as a text."""
    for kind, held in mapping(value).items():
        if kind in ("intValue", "int_value"):
            return int(held) if isinstance(held, str) and re.fullmatch(r"-?[0-9]{1,20}", held) else held
        if kind in ("arrayValue", "array_value"):
            return [_otlp_value(item) for item in mapping(held).get("values") or ()]
        if kind in ("kvlistValue", "kvlist_value"):
            return {
                label(item.get("key")): _otlp_value(item.get("value")) for item in mappings(mapping(held).get("values"))
            }
        return held
    return None if isinstance(value, Mapping) else value


def is_span(raw: Mapping[str, Any]) -> bool:
    """Whether a mapping looks like a span of OTLP, of an SDK's JSON, or of MLflow."""
    if "span_data" in raw or "run_type" in raw:
        return False
    named = any(isinstance(raw.get(key), str) for key in ("spanId", "span_id")) or "span_id" in mapping(
        raw.get("context")
    )
    return named and ("attributes" in raw or "name" in raw)


def spans_of_otlp(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The spans of {"resourceSpans": [...]}."""
    for resource in mappings(first(record, "resourceSpans", "resource_spans")):
        scopes = first(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        for scope in mappings(scopes):
            yield from mappings(scope.get("spans"))


def logs_of_otlp(record: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The events of {"resourceLogs": [...]}: trace, span, and the event as a span would carry it."""
    for resource in mappings(first(record, "resourceLogs", "resource_logs")):
        for scope in mappings(first(resource, "scopeLogs", "scope_logs")):
            for log in mappings(first(scope, "logRecords", "log_records")):
                attributes = attributes_of(log.get("attributes"))
                body = _otlp_value(log.get("body"))
                name = first(log, "eventName", "event_name") or attributes.get("event.name")
                held = {**attributes, **(body if isinstance(body, Mapping) else {"content": body})}
                yield (
                    label(first(log, "traceId", "trace_id")),
                    label(first(log, "spanId", "span_id")),
                    {"name": label(name), "attributes": held},
                )


def span_of(raw: Mapping[str, Any], events: Iterable[Mapping[str, Any]] = ()) -> Span:
    """One span; `events` came apart from it, as log records."""
    context = mapping(first(raw, "context", "spanContext", "span_context"))
    attributes = attributes_of(raw.get("attributes"))
    attributes.update(attributes_of(raw.get("raw_attributes")))
    told = [(label(e.get("name")), attributes_of(e.get("attributes"))) for e in [*mappings(raw.get("events")), *events]]
    for name, held in told:
        if name not in ("exception",):
            attributes.update({k: v for k, v in held.items() if k.startswith("gen_ai.") and k not in attributes})
    span = Span(
        label(first(raw, "spanId", "span_id") or context.get("span_id") or context.get("spanId")),
        label(first(raw, "parentSpanId", "parent_span_id", "parent_id", "parentId")),
        label(first(raw, "traceId", "trace_id") or context.get("trace_id") or context.get("traceId")),
        label(raw.get("name")),
    )
    span.start = time_of(first(raw, "startTimeUnixNano", "start_time_unix_nano", "start_time_ns"), 1)
    span.start = span.start or time_of(first(raw, "start_time", "startTime"))
    span.end = time_of(first(raw, "endTimeUnixNano", "end_time_unix_nano", "end_time_ns"), 1)
    span.end = span.end or time_of(first(raw, "end_time", "endTime")) or span.start
    _fill(span, attributes, told)
    if span.kind == MODEL and not span.silent and span.end > span.start and not _failed(raw, attributes, told):
        span.silent = f"span {span.id}"
    return span


def _failed(raw: Mapping[str, Any], attributes: Attributes, told: list[tuple[str, Attributes]]) -> bool:
    code = label(first(mapping(raw.get("status")), "code", "status_code"))
    error = code in ("2", "ERROR", "STATUS_CODE_ERROR") or attributes.get("error.type") is not None
    return error or any(name == "exception" for name, _ in told)


def _fill(span: Span, attributes: Attributes, told: list[tuple[str, Attributes]]) -> None:
    attributes = logfire.plain(mlflow.plain(attributes))
    span.wrote = _outputs(attributes, told)
    span.kind = _kind(span.name, attributes, bool(span.wrote))
    span.agent = _agent(span, attributes)
    if span.kind in (CALL, HANDOFF):
        _fill_tool(span, attributes)
        span.extension = _extension(attributes)
        return
    span.asked = _inputs(attributes, told)
    if span.kind == AGENT:
        _take_history(span, attributes)
    usage = mapping(from_json(attributes.get("langfuse.observation.usage_details")))
    span.tokens = whole(first(attributes, *_TOKENS)) or tokens_of({"usage_details": usage})
    span.silent = label(first(attributes, "gen_ai.response.id", "ai.response.id"))
    finish = first(attributes, "gen_ai.response.finish_reasons", "ai.response.finishReason", "llm.finish_reason")
    if span.wrote and not span.wrote[-1].finish:
        span.wrote[-1].finish = label(finish[-1] if is_list(finish) and finish else finish)
    span.scores = dict(_scores(told))
    span.extension = _extension(attributes)


def _extension(attributes: Attributes) -> dict[str, Any]:
    return {key[6:]: held for key, held in attributes.items() if key.startswith("assay.")}


def _kind(name: str, attributes: Attributes, speaks: bool) -> str:
    for key in _KIND_KEYS:
        told = label(attributes.get(key)).lower()
        if told in _KINDS:
            return _KINDS[told]
        if told and key == "gen_ai.operation.name" and told not in ("unknown", "span"):
            break
    else:
        word = name.split(" ")[0].lower()
        if word in _KINDS and word not in ("function", "tool", "agent", "plan"):
            return _KINDS[word]
        if name.startswith("running tool"):
            return CALL
    if speaks and ("gen_ai.output.messages" in attributes or "gen_ai.completion.0.content" in attributes):
        asked_model = first(attributes, "gen_ai.request.model", "gen_ai.response.model")
        return MODEL if asked_model is not None else STEP
    return STEP


def _agent(span: Span, attributes: Attributes) -> str:
    name = label(first(attributes, *_AGENT_NAMES[:3]))
    if span.kind == AGENT and not name:
        name = label(first(attributes, *_AGENT_NAMES[3:]))
        if attributes.get("traceloop.span.kind") is not None:
            name = name or label(attributes.get("traceloop.entity.name")) or span.name.removesuffix(".agent")
        for head in ("invoke_agent ", "agent_run ", "Agent: "):
            if not name and span.name.startswith(head):
                name = span.name[len(head) :].strip("[] ")
        name = name or label(attributes.get("gen_ai.agent.id"))
    if not name and span.kind == MODEL:
        metadata = mapping(from_json(attributes.get("metadata")))
        name = label(first(metadata, "lc_agent_name", "langgraph_node"))
    return name


def _fill_tool(span: Span, attributes: Attributes) -> None:
    name = label(first(attributes, *_TOOL_NAMES)) or span.name.removeprefix("execute_tool").strip().removesuffix(
        ".tool"
    )
    given = from_json(first(attributes, *_TOOL_INPUTS))
    if isinstance(given, Mapping) and isinstance(given.get("kwargs"), Mapping) and set(given) <= {"args", "kwargs"}:
        given = given["kwargs"]
    span.tool = Call(name, given, label(first(attributes, *_TOOL_IDS)))
    found = first(attributes, *_TOOL_OUTPUTS)
    span.result = content_text(found) if isinstance(found, str) else content_text(from_json(found))
    if not span.result:
        span.result = "\n".join(turn.content() for turn in span.wrote if turn.content())
    span.wrote = []
    if span.kind == HANDOFF or span.name.startswith("handoff to "):
        span.kind = HANDOFF
        target = label(attributes.get("gen_ai.handoff.to_agent")) or span.name.removeprefix("handoff to ")
        span.result = target if "gen_ai.handoff.to_agent" in attributes or target != span.name else ""
        span.agent = label(attributes.get("gen_ai.handoff.from_agent")) or span.agent


def _scores(told: list[tuple[str, Attributes]]) -> Iterator[tuple[str, Any]]:
    for name, held in told:
        if name == "gen_ai.evaluation.result":
            value = first(held, "gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label")
            if value is not None:
                yield label(held.get("gen_ai.evaluation.name")) or "evaluation", value


# Messages.


def _outputs(attributes: Attributes, told: list[tuple[str, Attributes]]) -> list[Turn]:
    found = turns(attributes.get("gen_ai.output.messages"))
    if not found:
        for name, held in told:
            if name == "gen_ai.choice":
                found += _event_turns(held, ASSISTANT)
    for prefix in ("gen_ai.completion", "llm.output_messages", "gen_ai.output_messages"):
        found = found or indexed(attributes, prefix, ASSISTANT)
    if not found:
        text, calls = attributes.get("ai.response.text"), from_json(attributes.get("ai.response.toolCalls"))
        if text or calls:
            found = turns({"role": ASSISTANT, "content": text, "tool_calls": calls})
    for key in _OUTPUT_KEYS:
        if found:
            break
        found = turns(attributes.get(key))
    for turn in found:
        read_printed(turn)
    return merged(found)


def _inputs(attributes: Attributes, told: list[tuple[str, Attributes]]) -> list[Turn]:
    found = turns(attributes.get("gen_ai.input.messages"), USER)
    if not found:
        for name, held in told:
            parts = name.split(".")
            if name.startswith("gen_ai.") and parts[-1] == "message":
                found += _event_turns(held, parts[1])
    for prefix in ("gen_ai.prompt", "llm.input_messages", "gen_ai.input_messages"):
        found = found or indexed(attributes, prefix, USER)
    for key in _INPUT_KEYS:
        if found:
            break
        found = turns(attributes.get(key), USER)
    return found


def _event_turns(held: Mapping[str, Any], role: str) -> list[Turn]:
    """The message of a gen_ai.*.message or gen_ai.choice event: in `message`, or in the event's own fields."""
    message = from_json(first(held, "message", "gen_ai.event.content", "body"))
    if message is None:
        message = {k: from_json(v) for k, v in held.items() if k in ("role", "content", "tool_calls", "name", "id")}
    if isinstance(message, Mapping) and "role" not in message:
        message = {"role": label(held.get("role")) or role, **message}
    return turns(message, role)


def indexed(attributes: Attributes, prefix: str, role: str) -> list[Turn]:
    """Messages whose every field is an attribute of its own: PREFIX.0.content, PREFIX.0.tool_calls.1.name, ..."""
    tree: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix + ".") and key[len(prefix) + 1 :][:1].isdecimal():
            _plant(tree, key[len(prefix) + 1 :].split("."), value)
    found: list[Turn] = []
    for message in _listed(tree):
        inner = mapping(message.get("message")) or message
        parts: list[Any] = [mapping(part.get("message_content")) or part for part in mappings(inner.get("contents"))]
        if parts and isinstance(inner.get("content"), str) and inner["content"] not in content_text(parts):
            parts.append(inner["content"])
        calls = [mapping(call.get("tool_call")) or call for call in mappings(inner.get("tool_calls"))]
        plain = {key: held for key, held in inner.items() if key not in ("contents", "tool_calls")}
        function = {"name": inner.get("function_call_name"), "arguments": inner.get("function_call_arguments_json")}
        if function["name"]:
            plain["function_call"] = function
        found += turns(
            {"role": role, **plain, "content": parts or from_json(plain.get("content")), "tool_calls": calls}
        )
    return found


def _plant(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        held = tree.setdefault(key, {})
        if not isinstance(held, dict):
            return
        tree = held
    tree.setdefault(path[-1], value)


def _listed(tree: Any) -> Any:
    """Mappings whose keys are all numbers become lists, inside out."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() and len(key) < 10 for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(held) for key, held in tree.items()} if tree else []


def _take_history(span: Span, attributes: Attributes) -> None:
    """Some agents' spans hold their whole conversation: what the model wrote, and what it was asked."""
    for key in _HISTORY_KEYS:
        history = from_json(attributes.get(key))
        if span.wrote or not is_list(history):
            continue
        for event in mappings(history):
            name = label(event.get("event.name"))
            held = {"role": name.split(".")[1], **event} if name.startswith("gen_ai.") and "." in name[7:] else event
            found = _event_turns(held, ASSISTANT) if name == "gen_ai.choice" else turns(held)
            span.wrote += [turn for turn in found if turn.role == ASSISTANT]
            span.asked += [turn for turn in found if turn.role != ASSISTANT and not span.asked]
