"""What OpenHands, Codex, Claude Code and SWE-agent write: shapes seen in their own output, texts of our own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from traces import dialogue, read, summary_of

from assay_rl.convert import from_trace


def lines(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


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


def test_the_first_word_of_a_user_is_the_task_of_swe_agent() -> None:
    """SWE-agent 1.x writes its instance template down as an observation."""
    entries = [("system", "s", "system_prompt"), ("user", "fix it", "observation"), ("assistant", "ls", "action")]
    history = [
        {"role": role, "content": text, "message_type": kind, "agent": "main"}
        for role, text, kind in [*entries, ("user", "a.py", "observation")]
    ]
    (episode,) = from_trace({"trajectory": [], "history": history, "info": {"exit_status": "submitted"}})
    assert episode.task.prompt == "fix it"
