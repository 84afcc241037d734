"""What a trace tells twice is read once, and what it tells twice in different words is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from traces import dialogue, read, summary_of

ANN = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "ann"}


def span(id: str, attributes: dict[str, Any], start: int = 0, end: int = 0, parent: str = "a") -> dict[str, Any]:
    held = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    return {"traceId": "t", "spanId": id, "parentSpanId": "" if id == "a" else parent, "name": id,
            "startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "attributes": held}  # fmt: skip


def wrote(text: str, *calls: dict[str, Any]) -> dict[str, Any]:
    parts = [{"type": "text", "content": text}, *({"type": "tool_call", **call} for call in calls)]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]),
    }


def ran(name: str, id: str, result: str = "Rivers run.") -> dict[str, Any]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.id": id,
            "gen_ai.tool.call.arguments": '{"x": 1}', "gen_ai.tool.call.result": result}  # fmt: skip


def otlp(path: Path, *spans: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}), encoding="utf-8")
    return path


CALL = {"name": "look_up", "arguments": {"x": 1}}
ASKS = '[tool_call] look_up({"x": 1})'


@pytest.mark.parametrize("calls", [["c1"], ["", "c1"], ["c1", ""], ["", ""], ["c1", "c2"]])
def test_a_call_in_the_content_and_beside_it_is_one(calls: list[str], tmp_path: Path) -> None:
    """Anthropic's block and OpenAI's list; ids that differ are two calls."""
    block = {"type": "tool_use", **({"id": calls[0]} if calls[0] else {}), "name": "look_up", "input": {"x": 1}}
    entry = {"id": calls[-1] or None, "function": {"name": "look_up", "arguments": '{"x":1}'}}
    said = {"role": "assistant", "content": [{"type": "text", "text": "So."}, block], "tool_calls": [entry]}
    path = tmp_path / "in.json"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "Well?"}, said]}), encoding="utf-8")
    (episode,) = read(path)
    assert episode.messages[-1].content == "\n".join(["So.", ASKS] + [ASKS] * (calls == ["c1", "c2"]))


def test_equal_calls_without_ids_beside_each_other_are_several(tmp_path: Path) -> None:
    entry = {"function": {"name": "look_up", "arguments": '{"x":1}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [entry, entry]}
    path = tmp_path / "in.json"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "Well?"}, said]}), encoding="utf-8")
    assert read(path)[0].messages[-1].content == f"{ASKS}\n{ASKS}"


@pytest.mark.parametrize(
    ("name", "id", "start"),
    [
        ("look_up", "c1", 30),
        ("look_up", "", 30),
        ("look_up", "another", 30),
        ("library.look_up", "c1", 30),
        ("library.look_up", "", 30),
        ("mcp__library__look_up", "another", 30),
        ("look_up", "c1", 3),  # another machine's clock, or a tool that ran while the model still wrote
    ],
)
def test_a_call_in_the_tools_span_and_in_the_models_answer_is_one(
    name: str, id: str, start: int, tmp_path: Path
) -> None:
    path = otlp(
        tmp_path / "in.json",
        span("a", ANN, 1, 90),
        span("b", wrote("So.", {**CALL, "id": "c1"}), 10, 20),
        span("t", ran(name, id), start, start + 5),
        span("c", wrote("It runs."), 50, 60),
    )
    (episode,) = read(path)
    assert dialogue(episode) == [
        ("ann", f"So.\n{ASKS}"), ("", f"[tool_result] {name}: Rivers run."), ("ann", "It runs.")
    ]  # fmt: skip


def test_spans_of_one_id_are_one_only_where_one_tells_all_of_the_other(tmp_path: Path) -> None:
    full, begun = wrote("Yes.") | {"gen_ai.prompt": "Well?"}, {"gen_ai.operation.name": "chat"}
    path = tmp_path / "in.json"
    for told in ([full, full], [begun, full], [full, begun]):
        otlp(path, span("a", ANN, 1, 90), *(span("b", held, 10, 20) for held in told))
        assert dialogue(read(path)[0]) == [("ann", "Yes.")]
        assert "1 spans that came twice" in summary_of(path)
    otlp(path, span("a", ANN, 1, 90), span("b", wrote("Yes."), 10, 20), span("b", wrote("No."), 30, 40))
    assert dialogue(read(path)[0]) == [("ann", "Yes."), ("ann", "No.")]
    assert "twice" not in summary_of(path)
