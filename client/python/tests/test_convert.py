"""Episodes from chat messages, framework logs, published logs and traces."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay_rl import Agent, Episode, Message
from assay_rl.convert import (
    ConversionError,
    from_autogen,
    from_langgraph,
    from_openai_chat,
    from_otel_spans,
    from_record,
    from_whowhen,
)
from assay_rl.convert.files import Choices, read_episodes


def authors(episode: Episode) -> list[str]:
    return [m.agent for m in episode.messages]


def contents(episode: Episode) -> list[str]:
    return [m.content for m in episode.messages]


def test_an_episode_survives_the_wire() -> None:
    message = Message(
        "a", "text", round=2, answer="", process_score=0.0, prefix_value=0.25, prefix_rollouts=(1, 4), redundancy=0.0
    )
    episode = Episode("e", [message, Message("", "tool")], score=0.0, components={"style": 0.5}, values=[0.0, 1.0])
    again = Episode.from_json(episode.to_json())
    assert again.messages[0] == Message.from_proto(message.to_proto())
    assert again.messages[0].answer == ""
    assert again.messages[0].process_score == 0.0
    assert again.score == 0.0
    assert again.messages[1].process_score is None
    assert [a.id for a in again.agents] == ["a"]
    assert again.to_proto() == episode.to_proto()


def test_openai_chat() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "2+2?"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {
            "role": "assistant",
            "name": "solver",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a":2}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "4"},
        {"role": "assistant", "content": "4"},
    ]
    episode = from_openai_chat(messages, id="e", score=1.0, reference_answer="4")
    assert authors(episode) == ["", "", "solver", "", "assistant"]
    assert episode.messages[1].content == "2+2?\n[image_url]"
    assert episode.messages[2].content == '[tool_call] add({"a": 2})'
    assert episode.task.prompt == "2+2?\n[image_url]"
    assert [a.id for a in episode.players()] == ["solver", "assistant"]
    with pytest.raises(ConversionError, match=r"messages\[0\].role"):
        from_openai_chat([{"role": "narrator", "content": ""}], id="e")


def test_openai_chat_with_own_agents() -> None:
    messages = [{"role": "user", "content": "hi", "who": "planner"}, {"role": "assistant", "content": "ho", "who": ""}]
    episode = from_openai_chat(messages, id="e", agent_of=lambda m: str(m["who"]))
    assert authors(episode) == ["planner", ""]


def test_autogen_04_task_result() -> None:
    log = {
        "messages": [
            {"source": "user", "type": "TextMessage", "content": "Weather in Rome?"},
            {
                "source": "planner",
                "type": "ToolCallRequestEvent",
                "content": [{"id": "1", "name": "weather", "arguments": '{"city": "Rome"}'}],
                "models_usage": {"prompt_tokens": 10, "completion_tokens": 7},
            },
            {"source": "planner", "type": "ModelClientStreamingChunkEvent", "content": "Su"},
            {
                "source": "planner",
                "type": "ToolCallExecutionEvent",
                "content": [{"call_id": "1", "content": "sunny", "is_error": False}],
            },
            {"source": "writer", "type": "TextMessage", "content": "Sunny."},
        ],
        "stop_reason": "done",
    }
    episode = from_autogen(log, id="e", score=1)
    assert authors(episode) == ["", "planner", "", "writer"]
    assert episode.messages[1].content == '[tool_call] weather({"city": "Rome"})'
    assert episode.messages[1].token_count == 7
    assert episode.messages[2].content == "sunny"
    assert episode.task.prompt == "Weather in Rome?"


def test_autogen_objects_and_old_history() -> None:
    class Text(SimpleNamespace):
        def model_dump(self) -> dict[str, Any]:
            return dict(vars(self))

    result = SimpleNamespace(messages=[Text(source="a", type="TextMessage", content="x", models_usage=None)])
    assert authors(from_autogen(result, id="e")) == ["a"]
    history = [
        {"content": "do it", "role": "user", "name": "chat_manager"},
        {"content": "done", "role": "user", "name": "coder"},
    ]
    assert authors(from_autogen(history, id="e")) == ["", "coder"]


def test_langgraph_state_and_dumps() -> None:
    state = {
        "messages": [
            {"type": "human", "content": "hi"},
            {"type": "ai", "name": "worker", "content": "", "tool_calls": [{"name": "f", "args": {"x": 1}, "id": "1"}]},
            {"type": "tool", "content": "2"},
            {"type": "ai", "content": "two", "usage_metadata": {"output_tokens": 3}},
        ]
    }
    episode = from_langgraph(state, id="e")
    assert authors(episode) == ["", "worker", "", "assistant"]
    assert episode.messages[1].content == '[tool_call] f({"x": 1})'
    assert episode.messages[3].token_count == 3
    dumped = [
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "messages", "AIMessage"],
            "kwargs": {"content": "yes", "name": "critic"},
        }
    ]
    assert authors(from_langgraph(dumped, id="e")) == ["critic"]


def test_langgraph_updates_tell_nodes_and_rounds() -> None:
    updates = [
        {"plan": {"messages": [{"type": "ai", "content": "p"}]}},
        {"left": {"messages": [{"type": "ai", "content": "l"}]}, "right": {"messages": {"type": "ai", "content": "r"}}},
        {"note": None},
    ]
    episode = from_langgraph(updates, id="e")
    assert authors(episode) == ["plan", "left", "right"]
    assert [m.round for m in episode.messages] == [1, 2, 2]


RECORD: dict[str, Any] = {
    "id": "r",
    "task": "q",
    "ground_truth": "8",
    "outcome": 0,
    "agents": ["solver", "Computer_terminal", "tool:read"],
    "messages": [
        {"index": 0, "agent": "solver", "round": 1, "content": "8?", "answer": "8"},
        {"index": 1, "agent": "Computer_terminal", "content": "exit 1", "answer": None},
        {"index": 2, "agent": "tool:read", "content": "..."},
    ],
    "label": {"first_error_index": 0},
}


def test_records() -> None:
    episode = from_record(RECORD, context_agents=["Computer_terminal", "tool:*"])
    assert authors(episode) == ["solver", "", ""]
    assert [a.id for a in episode.agents] == ["solver"]
    assert episode.messages[0].first_error
    assert episode.messages[0].answer == "8"
    assert episode.messages[1].answer is None
    assert episode.task.reference_answer == "8"
    assert episode.score == 0.0
    assert not from_record(RECORD, keep_labels=False).messages[0].first_error
    assert len(from_record(RECORD).agents) == 3
    with pytest.raises(ConversionError, match="first_error_index"):
        from_record({**RECORD, "label": {"first_error_index": 9}})
    with pytest.raises(ConversionError, match="outcome"):
        from_record({**RECORD, "outcome": "won"})


def test_whowhen_both_kinds() -> None:
    generated = {
        "question": "q",
        "ground_truth": "8",
        "mistake_step": "1",
        "is_correct": False,
        "history": [
            {"content": "a", "role": "user", "name": "Expert"},
            {"content": "b", "role": "assistant", "name": "Checker"},
            {"content": "exit", "role": "user", "name": "Computer_terminal"},
        ],
    }
    episode = from_whowhen(generated, id="w")
    assert authors(episode) == ["Expert", "Checker", ""]
    assert [m.first_error for m in episode.messages] == [False, True, False]
    assert episode.score == 0.0
    crafted = {
        "question": "q",
        "mistake_step": 1,
        "history": [
            {"content": "?", "role": "human"},
            {"content": "plan", "role": "Orchestrator (thought)"},
            {"content": "go", "role": "Orchestrator (-> WebSurfer)"},
            {"content": "found", "role": "WebSurfer"},
        ],
    }
    assert authors(from_whowhen(crafted, id="w")) == ["", "Orchestrator", "Orchestrator", "WebSurfer"]


def span(number: int, parent: int | None, operation: str, end: int, **attributes: Any) -> dict[str, Any]:
    held = {"gen_ai.operation.name": operation, **{"gen_ai." + k.replace("__", "."): v for k, v in attributes.items()}}
    return {
        "name": operation,
        "traceId": "t1",
        "spanId": str(number),
        "parentSpanId": "" if parent is None else str(parent),
        "startTimeUnixNano": str(number),
        "endTimeUnixNano": str(end),
        "attributes": [
            {"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}}
            for k, v in held.items()
        ],
    }


def said(text: str) -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}])


def test_otel_spans() -> None:
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}])
    call = json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "name": "get", "arguments": {"c": 1}}]}])
    spans = [
        span(1, None, "invoke_agent", 90, agent__name="planner"),
        span(2, 1, "chat", 20, input__messages=asked, output__messages=call, usage__output_tokens=5),
        span(3, 1, "execute_tool", 30, tool__name="get", tool__call__result="rain"),
        span(4, 1, "chat", 40, output__messages=said("It rains.")),
        span(5, None, "invoke_agent", 80, agent__name="writer", output__messages=said("Rain.")),
    ]
    trace = {"resourceSpans": [{"scopeSpans": [{"spans": spans[::-1]}]}]}
    episode = from_otel_spans(trace, score=1)
    assert episode.id == "t1"
    assert authors(episode) == ["planner", "", "planner", "writer"]
    assert contents(episode) == ['[tool_call] get({"c": 1})', "[tool_result] get: rain", "It rains.", "Rain."]
    assert episode.messages[0].token_count == 5
    assert episode.task.prompt == "Weather?"


def test_otel_choice_events() -> None:
    old = {
        "name": "chat gpt",
        "context": {"span_id": "1", "trace_id": "t"},
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2026-01-01T00:00:01Z",
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "a"},
        "events": [{"name": "gen_ai.choice", "attributes": {"index": 0, "message": '{"content": "hello"}'}}],
    }
    assert contents(from_otel_spans([old])) == ["hello"]
    with pytest.raises(ConversionError, match="no spans"):
        from_otel_spans([])


def test_names_of_people_tools_and_frameworks_may_be_kept(tmp_path: Path) -> None:
    """What they say stays context; a simulated customer is told from a person."""
    record = {
        "id": "r",
        "messages": [
            {"source": "user_proxy", "content": "Add 40 and 2.", "type": "TextMessage"},
            {"source": "adder", "content": "41", "type": "TextMessage"},
            {"source": "ComputerTerminal", "content": "exit code 1", "type": "TextMessage"},
            {"source": "customer_simulator", "content": "No.", "type": "TextMessage"},
        ],
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record))
    (plain,) = read_episodes([str(path)], "autogen", Choices())
    assert [m.agent for m in plain.messages] == ["", "adder", "", ""]
    (named,) = read_episodes([str(path)], "autogen", Choices(kinds=True))
    assert [m.agent for m in named.messages] == ["user_proxy", "adder", "ComputerTerminal", "customer_simulator"]
    assert {a.id: a.kind for a in named.players()} == {
        "user_proxy": "human",
        "adder": "",
        "ComputerTerminal": "tool",
        "customer_simulator": "user_simulator",
    }
    assert named.speakers() == ["", "adder", "", ""]
    assert Episode.from_proto(named.to_proto()).agents == named.agents
    with pytest.raises(ValueError, match=r"agents\[0\].kind: one of model"):
        Episode("e", [Message("a", "x")], agents=[Agent("a", kind="robot")]).to_proto()
