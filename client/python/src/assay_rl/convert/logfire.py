"""Spans of Pydantic Logfire in the words of the GenAI conventions: its instrumentations of the OpenAI Agents SDK, of
OpenAI's and of Anthropic's client tell what they do by the template of the span's message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, from_json, label, mapping

TEMPLATE = "logfire.msg_template"
_MODELS = ("chat completion with", "responses api", "completion with", "message with", "streaming response from")


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes, with those that Logfire alone writes named as the conventions name them.

    A span that Logfire sends ahead of the real one says nothing.
    """
    template = label(attributes.get(TEMPLATE)).lower()
    if not template:
        return attributes
    if attributes.get("logfire.span_type") == "pending_span":
        return {}
    return {**_told(template, attributes), **attributes}


def _told(template: str, held: Mapping[str, Any]) -> dict[str, Any]:
    if template.startswith("agent run: {name"):
        return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": held.get("name")}
    if template.startswith("function: {name"):
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": held.get("name"),
            "gen_ai.tool.call.arguments": held.get("input"),
            "gen_ai.tool.call.result": held.get("output"),
        }
    if template.startswith("handoff: {from_agent"):
        return {
            "gen_ai.operation.name": "handoff",
            "gen_ai.handoff.from_agent": held.get("from_agent"),
            "gen_ai.handoff.to_agent": held.get("to_agent"),
        }
    return _model(held) if template.startswith(_MODELS) else {}


def _model(held: Mapping[str, Any]) -> dict[str, Any]:
    request, response = (mapping(from_json(held.get(key))) for key in ("request_data", "response_data"))
    answer = first(held, "response", "output")
    if answer is None:
        answer = first(response, "message", "combined_chunk_content")
    if answer is None and request.get("stream") is True:
        return {"gen_ai.operation.name": "stream"}  # a span of its own tells what was streamed
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": first(held, "raw_input", "input") or request.get("messages"),
        "gen_ai.output.messages": answer,
        "gen_ai.usage.output_tokens": first(mapping(response.get("usage")), "completion_tokens", "output_tokens"),
    }
