"""Streams of LangGraph in every mode, in the shapes of langgraph 1.2: plan, then a and b at once, then join."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from traces import read

from assay_rl.convert import from_langgraph, from_trace

NODES = (("plan", 1), ("a", 2), ("b", 2), ("join", 3))


def said(node: str) -> dict[str, Any]:
    return {"content": f"text of {node}", "type": "ai", "name": None, "id": f"id-{node}", "tool_calls": []}


TASK = {"content": "task", "type": "human", "name": None, "id": "id-task"}


def state(*nodes: str) -> dict[str, Any]:
    return {"messages": [TASK, *map(said, nodes)]}


def update(node: str) -> dict[str, Any]:
    return {node: {"messages": [said(node)]}}


def token(node: str, step: int) -> list[Any]:
    return [said(node), {"langgraph_step": step, "langgraph_node": node}]


def start(node: str) -> dict[str, Any]:
    return {"id": f"t-{node}", "name": node, "input": state(), "triggers": [f"branch:to:{node}"]}


def result(node: str) -> dict[str, Any]:
    return {"id": f"t-{node}", "name": node, "error": None, "result": {"messages": [said(node)]}, "interrupts": []}


def debug(kind: str, step: int, payload: dict[str, Any]) -> dict[str, Any]:
    return {"step": step, "timestamp": "x", "type": kind, "payload": payload}


STATES = [state(), state("plan"), state("plan", "a", "b"), state("plan", "a", "b", "join")]
UPDATES_VALUES: list[Any] = [["values", STATES[0]], ["updates", update("plan")], ["values", STATES[1]]]
UPDATES_VALUES += [["updates", update("a")], ["updates", update("b")], ["values", STATES[2]]]
UPDATES_VALUES += [["updates", update("join")], ["values", STATES[3]]]
TASKS = [start("plan"), result("plan"), start("a"), start("b"), result("a"), result("b"), start("join"), result("join")]
STEP = dict(NODES)
STREAMS: dict[str, list[Any]] = {
    "updates and values": UPDATES_VALUES,
    "messages": [token(node, step) for node, step in NODES],
    "updates and messages": [
        chunk for node, step in NODES for chunk in (["messages", token(node, step)], ["updates", update(node)])
    ],
    "tasks": TASKS,
    "debug": [debug("task_result" if "result" in task else "task", STEP[task["name"]], task) for task in TASKS],
    "events": [{"type": mode, "ns": [], "data": held} for mode, held in UPDATES_VALUES],
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("subgraphs", [False, True])
def test_every_mode_tells_nodes_and_supersteps(name: str, subgraphs: bool) -> None:
    stream = STREAMS[name]
    if subgraphs and name != "events":
        stream = [
            [[], *chunk] if isinstance(chunk, list) and isinstance(chunk[0], str) else [[], chunk] for chunk in stream
        ]
    (episode,) = from_trace(stream)
    own = [(m.agent, m.round, m.content) for m in episode.messages if m.agent]
    assert own == [(node, step, f"text of {node}") for node, step in NODES]


def test_values_repeat_the_state() -> None:
    for stream in (STATES, [[[], chunk] for chunk in STATES]):
        episode = from_langgraph(stream, id="e")
        assert [m.content for m in episode.messages] == ["task", *(f"text of {node}" for node, _ in NODES)]


def test_updates_alone_do_not_tell_supersteps_unless_they_hold_several_nodes() -> None:
    bare = from_langgraph([update("a"), update("b")], id="e")
    assert [m.round for m in bare.messages] == [1, 1]
    several = from_langgraph([update("plan"), {**update("a"), **update("b")}, update("join")], id="e")
    assert [m.round for m in several.messages] == [1, 2, 2, 3]


def test_a_stream_that_was_written_a_chunk_a_line_is_one_run(tmp_path: Path) -> None:
    silent: list[Any] = [["updates", {"plan": None}], {"a": None}]
    for name, stream in {**STREAMS, "updates": [update("plan"), silent[1], update("a")], "values": STATES}.items():
        if name in ("tasks", "debug", "messages"):  # a chunk alone does not tell these from other records
            continue
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(chunk) + "\n" for chunk in stream))
        (episode,) = read(path)
        (whole,) = from_trace(stream, "langgraph")
        assert [m.content for m in episode.messages] == [m.content for m in whole.messages], name
        assert [m.round for m in episode.messages] == [m.round for m in whole.messages], name
    finals = [{"messages": [TASK, said(node)]} for node in "ab"]
    (tmp_path / "finals.jsonl").write_text("".join(json.dumps(state) + "\n" for state in finals))
    assert [[m.content for m in e.messages if m.agent] for e in read(tmp_path / "finals.jsonl")] == [
        ["text of a"],
        ["text of b"],
    ]
