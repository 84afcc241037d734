"""What the libraries write at the versions that FORMATS.md names: shapes seen in their own output, texts of our own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from traces import DATA, dialogue, read, summary_of

from assay_rl.convert import from_trace, source
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
    with source.zipfile.ZipFile(path, "w", 93) as archive:
        archive.writestr("header.json", json.dumps(log))
        archive.writestr("samples/riddle_epoch_1.json", json.dumps(inspect_sample()))
    (episode,) = read(path)
    assert ("planner", "Use the line on running.") in dialogue(episode)
    (tmp_path / "x.json.zst").write_bytes(source.zstd.compress(lines([inspect_sample()]).encode()))
    assert dialogue(read(tmp_path / "x.json.zst")[0]) == dialogue(episode)

    import zipfile

    monkeypatch.setattr(source, "zipfile", zipfile)
    monkeypatch.setattr(source, "zstd", None)
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


# OpenHands SDK 1.58: an event a file.


def openhands_events() -> list[dict[str, Any]]:
    def action(number: int, response: str, name: str, thought: str) -> dict[str, Any]:
        return {
            "id": str(number),
            "kind": "ActionEvent",
            "source": "agent",
            "thought": [{"type": "text", "text": thought}] if thought else [],
            "reasoning_content": None,
            "thinking_blocks": [{"type": "thinking", "thinking": "Which line?", "signature": "x"}] if thought else [],
            "tool_name": name,
            "tool_call_id": f"c{number}",
            "tool_call": {"id": f"c{number}", "name": name, "arguments": '{"topic": "rivers"}', "origin": "completion"},
            "llm_response_id": response,
        }

    def observed(number: int, text: str) -> dict[str, Any]:
        held = {"content": [{"type": "text", "text": text}], "is_error": False, "kind": "LookUpObservation"}
        return {"id": str(number), "kind": "ObservationEvent", "source": "environment", "observation": held}

    def acp(number: int, status: str, **fields: Any) -> dict[str, Any]:
        told = {"tool_call_id": "a1", "title": "Read", "status": status, "raw_input": {"path": "x"}, **fields}
        return {"id": str(number), "kind": "ACPToolCallEvent", "source": "agent", **told}

    return [
        {"id": "1", "kind": "SystemPromptEvent", "source": "agent", "system_prompt": {"type": "text", "text": "Act."}},
        {
            "id": "2",
            "kind": "MessageEvent",
            "source": "user",
            "llm_message": {"role": "user", "content": [{"type": "text", "text": "Write a riddle."}]},
        },
        action(3, "r1", "look_up", "Two at once."),
        action(4, "r1", "read", ""),
        observed(5, "Rivers run."),
        observed(6, "A file."),
        acp(7, "in_progress"),
        acp(8, "completed", raw_output="text of x"),
        {
            "id": "9",
            "kind": "MessageEvent",
            "source": "agent",
            "llm_message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "What runs?"}],
                "responses_reasoning_item": {"id": "rs", "summary": ["Short is good."], "content": None},
            },
        },
        {
            "id": "10",
            "kind": "ConversationErrorEvent",
            "source": "environment",
            "code": "MaxIterationsReached",
            "detail": "500 steps",
        },
    ]


def test_events_of_openhands_in_files_of_their_own_are_one_conversation(tmp_path: Path) -> None:
    folder = tmp_path / "conversation" / "events"
    folder.mkdir(parents=True)
    events = openhands_events()
    for number, event in enumerate(events):
        (folder / f"event-{number:05}-{event['id']}.json").write_text(json.dumps(event))
    state = {"id": "x", "agent": {"kind": "Agent"}, "execution_status": "finished"}
    (folder.parent / "base_state.json").write_text(json.dumps(state))
    (tmp_path / "events.jsonl").write_text(lines(events))
    (episode,) = read(tmp_path / "conversation")
    assert dialogue(episode) == [
        ("", "Act."),
        ("", "Write a riddle."),
        (
            "agent",
            "[reasoning] Which line?\nTwo at once.\n"
            '[tool_call] look_up({"topic": "rivers"})\n[tool_call] read({"topic": "rivers"})',
        ),
        ("", "Rivers run."),
        ("", "A file."),
        ("agent", '[tool_call] Read({"path": "x"})'),
        ("", "text of x"),
        ("agent", "[reasoning] Short is good.\nWhat runs?"),
        ("", "MaxIterationsReached: 500 steps"),
    ]
    assert episode.truncated
    assert dialogue(read(tmp_path / "events.jsonl")[0]) == dialogue(episode)
    (search,) = from_trace({"items": events, "next_page_id": None})
    assert dialogue(search) == dialogue(episode)


# Codex and Claude Code, after their sources of autumn 2026.


def test_files_of_the_sub_agents_of_codex_belong_to_their_session(tmp_path: Path) -> None:
    def line(second: int, kind: str, **payload: Any) -> dict[str, Any]:
        return {"timestamp": f"2026-11-30T06:40:{second:02}Z", "type": kind, "payload": payload}

    def said(second: int, role: str, text: str) -> dict[str, Any]:
        kind = "output_text" if role == "assistant" else "input_text"
        return line(second, "response_item", type="message", role=role, content=[{"type": kind, "text": text}])

    spawned = {"parent_thread_id": "main", "depth": 1, "agent_nickname": None, "agent_role": "writer"}
    root = [
        line(1, "session_meta", id="main", source="cli"),
        said(2, "user", "Write a riddle."),
        line(3, "world_state", anything=1),
        line(3, "response_item", type="function_call", name="spawn_agent", arguments="{}", call_id="c1"),
        line(6, "response_item", type="agent_message", author="writer", recipient="main", content="Done."),
        said(7, "assistant", "Here it is."),
    ]
    side = [
        line(3, "session_meta", id="sub", source={"subagent": {"thread_spawn": spawned}}),
        said(4, "user", "Use the line on running."),
        said(5, "assistant", "What runs but never walks?"),
    ]
    (tmp_path / "rollout-1.jsonl").write_text(lines(side))
    (tmp_path / "rollout-2.jsonl.gz").write_bytes(gzip.compress(lines(root).encode()))
    (episode,) = read(tmp_path)
    assert episode.id == "main"
    assert episode.task.prompt == "Write a riddle."
    assert dialogue(episode) == [
        ("", "Write a riddle."),
        ("codex", "[tool_call] spawn_agent({})"),
        ("", "Use the line on running."),
        ("writer", "What runs but never walks?"),
        ("", "[message of writer] Done."),
        ("codex", "Here it is."),
    ]


def test_an_error_item_of_codex_is_not_the_agents(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(
        lines(
            [
                {"type": "thread.started", "thread_id": "x"},
                {"type": "item.completed", "item": {"id": "1", "type": "agent_message", "text": "What runs?"}},
                {"type": "item.completed", "item": {"id": "2", "type": "error", "message": "the sandbox is gone"}},
            ]
        )
    )
    assert dialogue(read(tmp_path / "x.jsonl")[0]) == [("codex", "What runs?"), ("", "the sandbox is gone")]


def test_what_the_harness_of_claude_code_wrote_is_not_the_models(tmp_path: Path) -> None:
    def line(kind: str, content: Any, second: int, **more: Any) -> dict[str, Any]:
        about = {"sessionId": "s", "uuid": f"u{second}", "timestamp": f"2026-11-30T06:40:{second:02}Z"}
        model = more.pop("model", "m")
        return {"type": kind, **about, "message": {"role": kind, "content": content, "model": model}, **more}

    task = {"type": "tool_use", "id": "c1", "name": "Agent", "input": {"prompt": "Go.", "subagent_type": "writer"}}
    answer = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "ok\nagentId: a1f"}]}
    (tmp_path / "s.jsonl").write_text(
        lines(
            [
                line("user", "Write a riddle.", 1),
                line("user", "This session is being continued ...", 2, isCompactSummary=True),
                line("assistant", [task], 3),
                line("assistant", "API Error: 500", 6, isApiErrorMessage=True),
                line("assistant", "No response requested.", 7, model="<synthetic>"),
                line("user", [answer], 8),
            ]
        )
    )
    (tmp_path / "s" / "subagents").mkdir(parents=True)
    side = {"isSidechain": True, "agentId": "a1f"}
    (tmp_path / "s" / "subagents" / "agent-a1f.jsonl").write_text(
        lines([line("user", "Go on, then.", 4, **side), line("assistant", "What runs?", 5, **side)])
    )
    compact = {"isSidechain": True, "agentId": "acompact-1"}
    (tmp_path / "s" / "subagents" / "agent-acompact-1.jsonl").write_text(
        lines([line("assistant", "<summary>", 9, **compact)])
    )
    (episode,) = read(tmp_path)
    assert [m for m in dialogue(episode) if m[0]] == [
        ("claude", '[tool_call] Agent({"prompt": "Go.", "subagent_type": "writer"})'),
        ("writer", "What runs?"),
    ]
    told = summary_of(tmp_path)
    assert "error (framework): 2 messages" in told
    assert "left out: 1 lines of a summary of the history" in told


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


def test_the_first_word_of_a_user_is_the_task_of_swe_agent() -> None:
    """SWE-agent 1.x writes its instance template down as an observation."""
    entries = [("system", "s", "system_prompt"), ("user", "fix it", "observation"), ("assistant", "ls", "action")]
    history = [
        {"role": role, "content": text, "message_type": kind, "agent": "main"}
        for role, text, kind in [*entries, ("user", "a.py", "observation")]
    ]
    (episode,) = from_trace({"trajectory": [], "history": history, "info": {"exit_status": "submitted"}})
    assert episode.task.prompt == "fix it"
