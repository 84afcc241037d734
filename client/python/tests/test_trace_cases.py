"""The shared cases, each as its README says it is right; and that their summaries tell a new user who is who."""

from __future__ import annotations

from pathlib import Path

import pytest
from assayd import Assayd, needs_assayd
from traces import CASES, agents, calls, dialogue, needs_cases, read, summary_of

import assay_rl
from assay_rl import Episode, Scored

pytestmark = needs_cases
MUSIC = (
    "langsmith_runs",
    "openai_agents_sdk_export_otel",
    "openinference_openai_agents",
    "otel_contrib_openai_agents_v2",
    "otel_genai_openai_agents_ok",
)


def case(name: str, format: str = "auto") -> list[Episode]:
    return read(CASES / f"{name}.jsonl", format)


def test_autogen_blames_no_person_and_no_framework() -> None:
    graph, human, team = case("autogen_framework_agents_blamed", "autogen")
    assert agents(graph) == ["researcher", "analyst", "presenter"]
    assert [m.token_count for m in graph.messages if m.agent] == [267, 498, 192]
    assert [m.agent for m in human.messages] == ["", "assistant", ""]
    assert human.messages[2].content == "APPROVE"
    assert agents(team) == ["looped_assistant"]
    own = [m.content for m in team.messages if m.agent]
    assert own[:-1] == [f'[tool_call] increment_number({{"number": {n}}})' for n in range(5, 10)]
    assert own[-1].startswith("Harbour sorts")
    summary = summary_of(CASES / "autogen_framework_agents_blamed.jsonl")
    for line in ("user_proxy (human)", "DiGraphStopAgent (framework)", "ToolCallSummaryMessage (framework)"):
        assert line in summary
    assert "1 UserInputRequestedEvents" in summary


def test_a_picture_is_named_and_its_bytes_are_no_text() -> None:
    (episode,) = case("autogen_multimodal_base64", "autogen")
    assert agents(episode) == ["painter"]
    for message in episode.messages:
        assert "Granary measures ledger." not in message.content
    assert episode.messages[2].content.startswith("Turbine orders timetable counts.\n[image 24 bytes sha256 ")
    assert episode.messages[3].content == "[reasoning] Orchard drafts compass."


def test_reasoning_refusal_and_legacy_calls_are_content() -> None:
    (episode,) = case("chat_reasoning_refusal_function_call", "openai")
    assert [m.content for m in episode.messages if m.agent] == [
        "[reasoning] Meadow counts archive weighs ledger.\n4",
        "[refusal] Timetable compares compass reads orchard.",
        '[tool_call] f({"x": 1})',
    ]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("inspect_tool_call_openai", '[tool_call] bash({"cmd": "ls"})'),
        (
            "tau2_tool_call_openai",
            '[tool_call] create_task({"description": "Harbour weighs archive checks.", '
            '"title": "Archive reads granary.", "user_id": "user_1"})',
        ),
    ],
)
def test_flat_tool_calls_are_read(name: str, call: str) -> None:
    (episode,) = case(name, "openai")
    assert calls(episode) == [call]


def test_langgraph_tells_a_call_once() -> None:
    (episode,) = case("langgraph_anthropic_tool_call_twice", "langgraph")
    assert calls(episode) == ['[tool_call] AskHuman({"question": "Lantern sorts granary checks harbour."})']
    assert episode.messages[0].content.startswith("Orchard measures parcel checks granary measures.\n")


def test_langgraph_human_messages_of_agents_are_theirs() -> None:
    (episode,) = case("langgraph_collaboration_function_call", "langgraph")
    assert dialogue(episode)[0] == (
        "Researcher",
        '[tool_call] tavily_search_results_json({"query": "Ledger orders archive checks viaduct sorts granary."})',
    )
    assert [m.agent for m in episode.messages] == ["Researcher", ""]
    (episode,) = case("langgraph_supervisor_humanmessage", "langgraph")
    assert agents(episode) == ["Coder"]


def test_langgraph_nodes_of_one_superstep_share_a_round() -> None:
    (episode,) = case("langgraph_parallel_updates", "langgraph")
    assert [(m.agent, m.round) for m in episode.messages] == [("a", 1), ("b", 1)]
    assert "took place" not in summary_of(CASES / "langgraph_parallel_updates.jsonl")
    (apart,) = read(CASES / "langgraph_parallel_updates.jsonl", sequential=True)
    assert [m.round for m in apart.messages] == [1, 2]


@needs_assayd
def test_parallel_nodes_are_worth_the_same() -> None:
    (episode,) = case("langgraph_parallel_updates", "langgraph")
    server = Assayd().start()
    try:
        with assay_rl.Client(server.target) as client:
            (outcome,) = client.score([episode])
    finally:
        server.stop()
    assert isinstance(outcome, Scored)
    assert list(outcome.signals.rewards.values()) == [0.5, 0.5]


def test_langgraph_values_repeat_nothing() -> None:
    (episode,) = case("langgraph_stream_values", "langgraph")
    assert [m.agent for m in episode.messages] == ["", "assistant", "critic", "assistant"]
    assert "3 messages that the state repeats" in summary_of(CASES / "langgraph_stream_values.jsonl")


def test_magentic_one_lists_name_their_agents_in_the_role() -> None:
    (episode,) = case("magentic_one_list_autogen", "autogen")
    assert agents(episode) == ["Orchestrator", "WebSurfer"]
    assert len(episode.messages) == 12
    assert episode.messages[0].agent == ""


def test_otlp_batches_of_a_trace_are_one_episode() -> None:
    (episode,) = case("otlp_two_batches", "otel")
    assert agents(episode) == ["Meadow writes lantern.", "Granary weighs ledger."]
    assert [call.split("(")[0] for call in calls(episode)] == [
        "[tool_call] transfer_to_recipe_editor_agent",
        "[tool_call] search_recipes",
        "[tool_call] plan_and_apply_recipe_modifications",
    ]
    assert [m.token_count for m in episode.messages if m.agent] == [14, 17, 180, 198]
    assert episode.score is None


def test_the_run_that_was_right_stays_as_it_was() -> None:
    (episode,) = case("otel_genai_openai_agents_ok", "otel")
    assert dialogue(episode)[:3] == [
        ("Harbour checks timetable.", "[tool_call] transfer_to_symphony_composer({})"),
        ("Meadow writes orchard.", '[tool_call] compose_music({"key": "D major", "style": "symphony"})'),
        ("", "[tool_result] compose_music: Compass measures lantern lists orchard checks turbine orders compass."),
    ]
    assert len(episode.messages) == 4
    assert all(m.round == 0 for m in episode.messages)


@pytest.mark.parametrize("name", MUSIC)
def test_one_run_is_the_same_from_every_tracer(name: str) -> None:
    """The cases' texts were replaced, agents' names and one tracer's printed calls among them; the order was not."""
    (episode,) = case(name, "otel")
    first, second = agents(episode)
    assert [m.agent for m in episode.messages] == [first, second, "", second]
    assert [m.token_count for m in episode.messages] == [16, 38, 0, 30]
    transfer, compose = calls(episode)
    assert transfer.startswith("[tool_call] transfer_to_")
    assert compose == '[tool_call] compose_music({"key": "D major", "style": "symphony"})'
    assert episode.messages[2].content == (
        "[tool_result] compose_music: Compass measures lantern lists orchard checks turbine orders compass."
    )
    assert episode.score == 1
    if name != "openai_agents_sdk_export_otel":
        assert episode.task.prompt == "Compass checks viaduct writes turbine measures turbine weighs orchard."
        assert episode.messages[3].content.startswith("Archive reads archive sorts orchard lists")
    else:
        assert "text not in this trace: response resp_" in episode.messages[3].content
        assert "switch on the recording of content" in summary_of(CASES / f"{name}.jsonl")


@pytest.mark.parametrize("path", sorted(CASES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_case_is_recognised_and_its_summary_names_the_agents(path: Path) -> None:
    summary = summary_of(path)
    found = [m for e in read(path) for m in e.messages if m.agent]
    assert found
    assert all(m.content for m in found)
    for name in {m.agent for m in found}:
        assert f"{name}: " in next(line for line in summary.splitlines() if line.startswith("agents: "))
