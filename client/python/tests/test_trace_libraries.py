"""What the libraries write at the versions that FORMATS.md names: shapes seen in their own output, texts of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from traces import DATA, dialogue, read, summary_of

from assay_rl.convert import from_trace, packed
from assay_rl.convert.files import FileError

TEAM = [
    ("planner", '[tool_call] look_up({"topic": "rivers"})'),
    ("", "[tool_result] look_up: Rivers run and never walk."),
    ("planner", "Use the line on running."),
    ("writer", "What runs but never walks?"),
]


def lines(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# Inspect 0.3.285: inputs of models are ranges of a pool of messages, archives are packed by Zstandard.


def inspect_sample() -> dict[str, Any]:
    def event(kind: str, second: int, **fields: Any) -> dict[str, Any]:
        return {"event": kind, "timestamp": f"2026-11-30T06:40:{second:02}+00:00", **fields}

    def answer(text: str, calls: Any = None) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "tool_calls": calls}
        return {"choices": [{"message": message, "stop_reason": "stop"}], "usage": {"output_tokens": 4}}

    call = {"id": "c1", "function": "look_up", "arguments": {"topic": "rivers"}, "type": "function"}
    pool = [
        {"role": "system", "content": "You plan."},
        {"role": "user", "content": "Write a riddle about rivers."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Rivers run and never walk.", "tool_call_id": "c1", "function": "look_up"},
        {"role": "user", "content": "Go on."},
    ]
    return {
        "id": "riddle",
        "epoch": 1,
        "input": "Write a riddle about rivers.",
        "target": "a river",
        "messages": [],
        "scores": {"match": {"value": "C"}},
        "events_data": {"messages": pool, "calls": []},
        "events": [
            event("span_begin", 1, id="s0", name="react", type="solver"),
            event("span_begin", 1, id="s1", parent_id="s0", name="planner", type="agent"),
            event("model", 2, span_id="s1", input=[], input_refs=[[0, 2]], output=answer("", [call])),
            event(
                "tool",
                3,
                span_id="s1",
                id="c1",
                function="look_up",
                arguments=call["arguments"],
                result=pool[3]["content"],
            ),
            event("model", 4, span_id="s1", input=[], input_refs=[[0, 4]], output=answer("Use the line on running.")),
            event("span_begin", 5, id="s2", parent_id="s1", name="writer", type="agent"),
            event(
                "model",
                6,
                span_id="s2",
                input=[],
                input_refs=[[0, 2], [4, 5]],
                output=answer("What runs but never walks?"),
            ),
            event("score", 7, score={"value": "C"}),
        ],
    }


def test_ranges_of_a_pool_of_messages_are_what_a_model_of_inspect_was_sent() -> None:
    (episode,) = from_trace(inspect_sample())
    assert [m for m in dialogue(episode) if m != ("", "Go on.")] == TEAM
    assert ("", "Go on.") in dialogue(episode)
    assert episode.task.prompt == "Write a riddle about rivers."


def test_an_archive_of_inspect_may_be_packed_by_zstandard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = {"version": 2, "status": "success", "eval": {"task": "riddle"}}
    path = tmp_path / "x.eval"
    with packed.zipfile.ZipFile(path, "w", 93) as archive:
        archive.writestr("header.json", json.dumps(log))
        archive.writestr("samples/riddle_epoch_1.json", json.dumps(inspect_sample()))
    (episode,) = read(path)
    assert ("planner", "Use the line on running.") in dialogue(episode)
    (tmp_path / "x.json.zst").write_bytes(packed.zstd.compress(lines([inspect_sample()]).encode()))
    assert dialogue(read(tmp_path / "x.json.zst")[0]) == dialogue(episode)

    import zipfile

    monkeypatch.setattr(packed, "zipfile", zipfile)
    monkeypatch.setattr(packed, "zstd", None)
    for name in ("x.eval", "x.json.zst"):
        with pytest.raises(FileError, match=r"packed by Zstandard.*pip install 'assay-rl\[zstd\]'"):
            read(tmp_path / name)


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.json", json.dumps(inspect_sample()))
    data = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        data[at] |= 1
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"x\.zip:x\.json: .*(password|encrypted)"):
        read(path)


def test_events_of_kinds_that_are_not_known_are_counted() -> None:
    sample = inspect_sample()
    del sample["events"][4]["event"]
    (episode,) = from_trace(sample)
    assert ("planner", "Use the line on running.") not in dialogue(episode)


# Langfuse 5.0.4 and MLflow 3.17.


def test_tokens_of_langfuse_are_read_from_its_spans() -> None:
    def span(number: int, kind: str, name: str, parent: int | None, **attributes: Any) -> dict[str, Any]:
        told = {f"langfuse.observation.{key}": held for key, held in attributes.items()}
        return {
            "name": name,
            "context": {"trace_id": "0xaa", "span_id": f"0x{number}"},
            "parent_id": None if parent is None else f"0x{parent}",
            "start_time": f"2026-11-30T12:32:{number:02}.5Z",
            "end_time": f"2026-11-30T12:32:{number:02}.9Z",
            "attributes": {"langfuse.observation.type": kind, **told},
        }

    spans = [
        span(1, "agent", "planner", None),
        span(
            2,
            "generation",
            "chat",
            1,
            input='[{"role": "user", "content": "Plan."}]',
            output='{"role": "assistant", "content": "Use the line on running."}',
            usage_details='{"input": 3, "output": 12}',
        ),
    ]
    (episode,) = from_trace(spans)
    assert [(m.agent, m.token_count) for m in episode.messages] == [("planner", 12)]


def test_lists_and_tables_of_traces_are_a_trace_each(tmp_path: Path) -> None:
    trace = json.loads((DATA / "traces" / "mlflow.json").read_text(encoding="utf-8"))
    (whole,) = read(DATA / "traces" / "mlflow.json")
    other = json.loads(json.dumps(trace))
    other["info"]["trace_id"] = "tr-2"
    (tmp_path / "list.json").write_text(json.dumps([trace, other], indent=1))
    row = {"trace_id": "tr-1", "spans": trace["data"]["spans"], "assessments": [], "request": "{}"}
    (tmp_path / "table.jsonl").write_text(lines([{**row, "trace": json.dumps(t)} for t in (trace, other)]))
    for name in ("list.json", "table.jsonl"):
        first, second = read(tmp_path / name)
        assert (first.id, second.id) == (whole.id, "tr-2"), name
        assert first.to_proto() == whole.to_proto(), name
        assert second.score == whole.score is not None, name
    batch = json.loads((DATA / "traces" / "otel_genai.jsonl").read_text(encoding="utf-8").splitlines()[0])
    (tmp_path / "batches.json").write_text(json.dumps([batch, batch]))
    assert dialogue(read(tmp_path / "batches.json")[0]) == dialogue(from_trace(batch)[0])
    assert "spans that came twice" in summary_of(tmp_path / "batches.json")


def test_what_is_handed_on_is_no_echo() -> None:
    """An agent's answer that only its own span tells, and that the next agent is asked with."""
    spans = [
        {"type": "AGENT", "id": "1", "traceId": "t", "name": "planner", "output": "Use the line on running."},
        {"type": "AGENT", "id": "2", "traceId": "t", "name": "writer", "input": "Use the line on running."},
    ]
    for number, span in enumerate(spans):
        span.update(startTime=f"2026-11-30T06:40:0{2 * number}Z", endTime=f"2026-11-30T06:40:0{2 * number + 1}Z")
    spans[1]["output"] = "What runs but never walks?"
    (episode,) = from_trace(spans)
    assert dialogue(episode) == TEAM[2:]


# CrewAI 1.15: what a tool answered stands behind the agent's words; other roles are nobody's loss.


def test_observations_in_an_answer_of_crewai_are_the_tools() -> None:
    task = {"description": "Write a riddle.", "agent": "planner ", "raw": "Use the line on running.", "messages": []}
    task["messages"] = [
        {"role": "system", "content": "You are planner."},
        {"role": "assistant", "content": "Thought: a\nAction: look_up\nAction Input: {}\n\nObservation: Rivers run."},
        {"role": "narrator", "content": "Meanwhile."},
    ]
    (episode,) = from_trace({"raw": "Use the line on running.", "tasks_output": [task]})
    assert dialogue(episode) == [
        ("", "Write a riddle."),
        ("planner", "Thought: a\nAction: look_up\nAction Input: {}"),
        ("", "Rivers run."),
        ("", "Meanwhile."),
        ("planner", "Use the line on running."),
    ]


def test_reasoning_beside_a_message_is_kept_in_every_form() -> None:
    """LiteLLM's thinking_blocks; the same thought twice is one."""
    block = {"type": "thinking", "thinking": "Which line?", "signature": "x"}
    message = {"role": "assistant", "content": "What runs?", "thinking_blocks": [block]}
    (episode,) = from_trace({"messages": [message]})
    assert dialogue(episode) == [("assistant", "[reasoning] Which line?\nWhat runs?")]
    (episode,) = from_trace({"messages": [{**message, "reasoning_content": "Which line?"}]})
    assert dialogue(episode) == [("assistant", "[reasoning] Which line?\nWhat runs?")]


def test_calls_that_a_dataset_holds_as_json_in_texts_are_kept() -> None:
    """As verifiers' saved results have them."""
    call = json.dumps({"id": "1", "function": {"name": "f", "arguments": "{}"}, "type": "function"})
    rollout = {"prompt": [{"role": "user", "content": "q"}], "reward": 1.0}
    rollout["completion"] = [{"role": "assistant", "content": "a", "tool_calls": [call]}]
    (episode,) = from_trace(rollout, "verifiers")
    assert ("assistant", "a\n[tool_call] f({})") in dialogue(episode)
