"""What one message or one span says, in the odd places where tools put it: no text of an agent is lost, and it is the
text of the agent who wrote it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from assay_rl import Episode
from assay_rl.convert import ConversionError, from_autogen, from_langgraph, from_openai_chat, from_otel_spans

CALL = {"id": "1", "type": "function", "function": {"name": "wx", "arguments": '{"b": 2}'}}
PICTURE = f"data:image/png;base64,{base64.b64encode(b'abc').decode()}"
NAMED = "[image_url image/png 3 bytes sha256 ba7816bf8f01cfea]"


def shown(episode: Episode) -> list[tuple[str, str]]:
    return [(m.agent, m.content) for m in episode.messages]


# An assistant's message in a chat without `role`, and its text.
SAID: dict[str, tuple[dict[str, Any], str]] = {
    "half a text and a refusal": (
        {"content": [{"type": "text", "text": "half"}, {"type": "refusal", "refusal": "no more"}]},
        "half\n[refusal] no more",
    ),
    "speech": ({"audio": {"id": "x", "data": "QUJD", "transcript": "spoken"}}, "spoken"),
    "a legacy call with arguments as an object": (
        {"function_call": {"name": "wx", "arguments": {"a": 1}}},
        '[tool_call] wx({"a": 1})',
    ),
    "a call without arguments": ({"tool_calls": [{"id": "1", "function": {"name": "wx"}}]}, "[tool_call] wx({})"),
    "a custom call beside a function's": (
        {"tool_calls": [{"id": "0", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}, CALL]},
        '[tool_call] sql(select 1)\n[tool_call] wx({"b": 2})',
    ),
    "one call that is in no list": ({"tool_calls": CALL}, '[tool_call] wx({"b": 2})'),
    "calls as a text": ({"tool_calls": json.dumps([CALL])}, '[tool_call] wx({"b": 2})'),
    "reasoning without an answer": ({"reasoning": "hm", "content": ""}, "[reasoning] hm"),
    "reasoning in details alone": (
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}], "content": "4"},
        "[reasoning] hm\n4",
    ),
    "reasoning in details that repeat it": (
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}], "content": "4"},
        "[reasoning] hm\n4",
    ),
    "a summary of reasoning": (
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "in short"}], "content": "4"},
        "[reasoning] in short\n4",
    ),
    "a structured answer alone": ({"parsed": {"answer": 42}}, '{"answer": 42}'),
    "a structured answer that the content repeats": (
        {"content": '{"answer": 42}', "parsed": {"answer": 42}},
        '{"answer": 42}',
    ),
    "a number": ({"content": 0}, "0"),
    "an object": ({"content": {"text": "in an object"}}, "in an object"),
    "texts in a list": ({"content": ["one", "two"]}, "one\ntwo"),
    "a picture and nothing else": ({"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}, NAMED),
    "a part of an unknown kind": (
        {"content": [{"type": "hologram", "beam": "bright"}]},
        '{"beam": "bright", "type": "hologram"}',
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_message_of_a_chat(name: str) -> None:
    message, text = SAID[name]
    episode = from_openai_chat([{"role": "assistant", "content": None, **message}], id="e")
    assert shown(episode) == [("assistant", text)]


def test_a_message_without_any_text_is_no_message() -> None:
    with pytest.raises(ConversionError, match="1 empty messages"):
        from_openai_chat([{"role": "assistant", "content": None}], id="e")


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"refusal": "no"}, "[refusal] no\nanswer"),
        ({"reasoning_content": "hm"}, "[reasoning] hm\nanswer"),
        ({"refusal": None, "reasoning_content": ""}, "answer"),
    ],
)
def test_what_langchain_keeps_beside_a_message(extra: dict[str, Any], text: str) -> None:
    episode = from_langgraph([{"type": "ai", "content": "answer", "additional_kwargs": extra}], id="e")
    assert sorted(shown(episode)[0][1].split("\n")) == sorted(text.split("\n"))


# Messages of AutoGen beside a first one by amy, and what they become.
EVENTS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "what a program printed": (
        {"source": "amy", "type": "CodeExecutionEvent", "result": {"exit_code": 0, "output": "1"}},
        ("", "1"),
    ),
    "an object": ({"source": "amy", "type": "StructuredMessage", "content": {"answer": 42}}, ("amy", '{"answer": 42}')),
    "a thought": ({"source": "amy", "type": "ThoughtEvent", "content": "hm"}, ("amy", "[reasoning] hm")),
    "memory": ({"source": "amy", "type": "MemoryQueryEvent", "content": [{"content": "told"}]}, ("", "told")),
    "a picture between texts": (
        {"source": "amy", "type": "MultiModalMessage", "content": ["look", {"data": "YWJj"}, "here"]},
        ("amy", "look\n[image 3 bytes sha256 ba7816bf8f01cfea]\nhere"),
    ),
    "a request": (
        {"source": "amy", "type": "ToolCallRequestEvent", "content": [{"name": "wx", "arguments": "{}"}]},
        ("amy", "[tool_call] wx({})"),
    ),
    "a stop that nobody wrote": ({"source": "team", "type": "StopMessage", "content": "enough"}, ("", "enough")),
    "a stop that a model wrote": (
        {"source": "amy", "type": "StopMessage", "content": "done", "models_usage": {"completion_tokens": 3}},
        ("amy", "done"),
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_of_autogen(name: str) -> None:
    event, expected = EVENTS[name]
    first = {"source": "amy", "type": "TextMessage", "content": "hello"}
    assert shown(from_autogen([first, event], id="e")) == [("amy", "hello"), expected]


@pytest.mark.parametrize("content", ["", None])
def test_answers_of_tools_in_an_old_history(content: str | None) -> None:
    answers = [{"role": "tool", "tool_call_id": "1", "content": "rows"}]
    history = [
        {"role": "assistant", "name": "amy", "content": "q"},
        {"role": "tool", "name": "executor", "content": content, "tool_responses": answers},
    ]
    assert shown(from_autogen(history, id="e")) == [("amy", "q"), ("", "rows")]


# Spans: (name, operation, agent, texts or parts, times, place of the parent in the list).


def output(*parts: str | dict[str, Any]) -> str:
    held = [{"type": "text", "content": part} if isinstance(part, str) else part for part in parts]
    return json.dumps([{"role": "assistant", "parts": held}])


def trace(*spans: dict[str, Any]) -> Episode:
    raw = []
    for number, span in enumerate(spans):
        begin, end = span.get("at", (10 * number + 1, 10 * number + 9))
        attributes = {"gen_ai.operation.name": span["does"], **span.get("attributes", {})}
        if "agent" in span:
            attributes["gen_ai.agent.name"] = span["agent"]
        if "says" in span:
            attributes["gen_ai.output.messages"] = output(*span["says"])
        raw.append(
            {
                "name": span.get("name", span["does"]),
                "traceId": "t",
                "spanId": str(number),
                **({"parentSpanId": str(span["inside"])} if "inside" in span else {}),
                "startTimeUnixNano": str(begin),
                "endTimeUnixNano": str(end),
                "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
                "events": span.get("events", []),
            }
        )
    return from_otel_spans(raw)


AGENT = {"does": "invoke_agent"}
CHAT = {"does": "chat"}
AMY = {**AGENT, "agent": "amy", "at": (1, 90)}
EVENT = {
    "name": "gen_ai.client.inference.operation.details",
    "attributes": [{"key": "gen_ai.output.messages", "value": {"stringValue": output("Oslo")}}],
}

TRACES: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "the text on both spans": ([{**AMY, "says": ["Oslo"]}, {**CHAT, "inside": 0, "says": ["Oslo"]}], [("amy", "Oslo")]),
    "the text in an event": ([{**AMY, "events": [EVENT]}, {**CHAT, "inside": 0}], [("amy", "Oslo")]),
    "an agent with an id and no name": (
        [{**AGENT, "attributes": {"gen_ai.agent.id": "amy-1"}, "says": ["Oslo"]}],
        [("amy-1", "Oslo")],
    ),
    "an agent with neither": ([{**AGENT, "says": ["Oslo"]}], [("assistant", "Oslo")]),
    "an agent that its span alone names": (
        [{**AGENT, "name": "invoke_agent amy", "says": ["Oslo"]}],
        [("amy", "Oslo")],
    ),
    "what an inner agent said, handed on": (
        [{**AMY, "agent": "boss", "says": ["Oslo"]}, {**AGENT, "agent": "amy", "inside": 0, "says": ["Oslo"]}],
        [("amy", "Oslo")],
    ),
    "a last word that no call of a model holds": (
        [
            {**AMY, "says": ["all in all"]},
            {**CHAT, "inside": 0, "says": ["one"]},
            {**CHAT, "inside": 0, "says": ["two"]},
        ],
        [("amy", "one"), ("amy", "two"), ("amy", "all in all")],
    ),
    "spans of something else between": (
        [AMY, {"does": "http", "name": "POST /v1", "inside": 0}, {**CHAT, "inside": 1, "says": ["deep"]}],
        [("amy", "deep")],
    ),
    "a parent that was not recorded": ([{**CHAT, "agent": "amy", "inside": 7, "says": ["alone"]}], [("amy", "alone")]),
    "reasoning as a part": (
        [{**CHAT, "agent": "amy", "says": [{"type": "reasoning", "content": "hm"}, "Oslo"]}],
        [("amy", "[reasoning] hm\nOslo")],
    ),
    "a call that failed beside one that did not": (
        [{**CHAT, "agent": "amy", "attributes": {"error.type": "timeout"}}, {**CHAT, "agent": "ben", "says": ["Oslo"]}],
        [("ben", "Oslo")],
    ),
    "an output that the tracer cut": (
        [{**CHAT, "agent": "amy", "attributes": {"gen_ai.output.messages": '[{"role": "assistant", "par'}}],
        [("amy", '[{"role": "assistant", "par')],
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_who_says_what_in_a_trace(name: str) -> None:
    spans, said = TRACES[name]
    episode = trace(*spans)
    assert shown(episode) == said
    assert {m.round for m in episode.messages} == {0}, "one after the other"


def test_an_agent_speaks_after_those_inside_it() -> None:
    """The span of an agent that calls others lasts as long as theirs, and yet it is not at work beside them."""
    inner = {**AGENT, "agent": "amy", "inside": 0, "at": (2, 8), "says": ["Oslo"]}
    outer = {**AMY, "agent": "boss", "says": ["It is Oslo"]}
    assert [(m.agent, m.round) for m in trace(outer, inner).messages] == [("amy", 0), ("boss", 0)]
    beside = {**inner, "agent": "ben", "at": (3, 9), "says": ["Bergen"]}
    found = [(m.agent, m.round) for m in trace(outer, inner, beside).messages]
    assert found == [("amy", 1), ("ben", 1), ("boss", 2)]


# Two tracers at once, and tracers that print or leave out what a model wrote.


def test_a_call_inside_a_call_is_one_unless_they_say_different_things() -> None:
    outer = {**CHAT, "inside": 0, "says": ["Oslo"], "at": (2, 9)}
    inner = {**CHAT, "inside": 1, "says": [{"type": "reasoning", "content": "hm"}, "Oslo"], "at": (3, 8)}
    assert shown(trace(AMY, outer, inner)) == [("amy", "[reasoning] hm\nOslo")]
    assert shown(trace(AMY, {**outer, "says": inner["says"]}, {**inner, "says": ["Oslo"]})) == shown(
        trace(AMY, outer, inner)
    )
    silent = {key: held for key, held in inner.items() if key != "says"}
    assert shown(trace(AMY, outer, silent)) == [("amy", "Oslo")]
    retried = {**CHAT, "inside": 1, "says": ["Bergen"], "at": (3, 5)}
    assert shown(trace(AMY, outer, retried, {**inner, "at": (6, 8)})) == [
        ("amy", "Bergen"),
        ("amy", "[reasoning] hm\nOslo"),
    ]
    assert shown(
        trace(AMY, outer, {**AGENT, "agent": "ben", "inside": 1}, {**CHAT, "inside": 2, "says": ["Oslo"]})
    ) == [
        ("amy", "Oslo"),
        ("ben", "Oslo"),
    ], "an agent inside is another"


PRINTED: dict[str, str] = {
    "Call(arguments='{\"b\": 2}', call_id='1', name='wx', type='function_call')": '[tool_call] wx({"b": 2})',
    "{'content': None, 'role': 'assistant', 'tool_calls': [{'id': '1', 'type': 'function', 'function': "
    "{'name': 'wx', 'arguments': '{\"b\": 2}'}}]}": '[tool_call] wx({"b": 2})',
    "{'role': 'assistant', 'content': 'Oslo'}": "Oslo",
    # Everything else is a text.
    "print(end='x')": "print(end='x')",
    "{'name': 'Oslo'}": "{'name': 'Oslo'}",
    "{'role': __import__('os')}": "{'role': __import__('os')}",
    "f(" * 200 + ")" * 200: "f(" * 200 + ")" * 200,
    "{'role': 'assistant'": "{'role': 'assistant'",
}


@pytest.mark.parametrize("text", PRINTED)
def test_messages_that_a_tracer_printed(text: str) -> None:
    assert shown(trace({**CHAT, "agent": "amy", "says": [text]})) == [("amy", PRINTED[text])]
    assert shown(trace({**CHAT, "agent": "amy", "says": ["Look:", text]})) == [("amy", f"Look:\n{PRINTED[text]}")]


def test_what_a_model_wrote_is_read_from_the_history_of_the_next_call() -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Where?"}]}]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "Oslo"}]}

    def sent(messages: list[Any]) -> dict[str, Any]:
        return {"attributes": {"gen_ai.input.messages": json.dumps(messages)}}

    more = [*asked, answer, {"role": "user", "parts": [{"type": "text", "content": "Sure?"}]}]
    episode = trace({**CHAT, "agent": "amy", **sent(asked)}, {**CHAT, "agent": "amy", **sent(more), "says": ["Yes"]})
    assert shown(episode) == [("amy", "Oslo"), ("", "Sure?"), ("amy", "Yes")]
    other = [{"role": "user", "parts": [{"type": "text", "content": "Who?"}]}]
    episode = trace({**CHAT, "agent": "amy", **sent(other)}, {**CHAT, "agent": "amy", **sent(more), "says": ["Yes"]})
    assert shown(episode)[0] == ("amy", "[text not in this trace: span 0]")


def test_a_model_that_failed_wrote_nothing() -> None:
    fails = {**CHAT, "agent": "amy", "events": [{"name": "exception", "attributes": []}]}
    assert shown(trace(fails, {**CHAT, "agent": "ben", "says": ["Oslo"]})) == [("ben", "Oslo")]
