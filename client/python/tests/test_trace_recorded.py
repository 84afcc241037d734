"""One run of two agents as ten tracers recorded it: the same agents, messages, calls and order from each.

openai-agents 0.24 ran it against a server that answers by a script; what the libraries named below wrote stands in
tests/data/recorded, without resources, settings and schemas.
"""

from __future__ import annotations

import pytest
from traces import DATA, dialogue, read, summary_of

RECORDED = DATA / "recorded"
RUN = [
    ("planner", '[tool_call] look_up({"topic": "rivers"})'),
    ("", "[tool_result] look_up: Rivers run and never walk."),
    ("planner", "Use the line on running.\n[tool_call] transfer_to_writer({})"),
    ("writer", "What runs but never walks?"),
]
SPANS = [
    "agents_sdk",  # the SDK's own export, of chat completions: of responses it keeps ids alone
    "contrib_v2",  # opentelemetry-instrumentation-openai-agents-v2 0.1.0
    "contrib_v2_chat",  # which prints what it finds no text in as Python does
    "langfuse",  # 5.0.4
    "langsmith",  # 0.15.1
    "logfire",  # 5.4.0
    "logfire_chat",
    "mlflow",  # 3.17.2, which records each call of a model twice, one inside the other
    "openinference",  # openinference-instrumentation-openai-agents 2.6.0
    "openllmetry",  # opentelemetry-instrumentation-openai-agents 0.62.4
]


def test_every_recording_is_read() -> None:
    assert sorted([*SPANS, "openllmetry_chat", "responses"]) == sorted(path.stem for path in RECORDED.iterdir())


@pytest.mark.parametrize("name", SPANS)
def test_one_recorded_run_is_the_same_from_every_tracer(name: str) -> None:
    (episode,) = read(RECORDED / f"{name}.jsonl")
    assert dialogue(episode) == RUN
    assert [m.token_count for m in episode.messages] == [12, 0, 8, 20]
    assert {m.round for m in episode.messages} == {0}
    assert [agent.id for agent in episode.players()] == ["planner", "writer"]
    assert episode.task.prompt == "Write a riddle about rivers."
    assert "agents: planner: 2 messages, writer: 1 message" in summary_of(RECORDED / f"{name}.jsonl")


def test_the_same_run_as_items_of_the_responses_api() -> None:
    """They name no agent before the first handoff."""
    (episode,) = read(RECORDED / "responses.jsonl", agent="planner")
    assert [m for m in dialogue(episode) if m[0]] == [m for m in RUN if m[0]]
    assert episode.task.prompt == "Write a riddle about rivers."


def test_what_a_tracer_keeps_of_inputs_alone_is_read_from_the_next_call() -> None:
    """OpenLLMetry records no outputs of chat completions: histories tell all answers but the last, which is named."""
    (episode,) = read(RECORDED / "openllmetry_chat.jsonl")
    assert dialogue(episode)[:3] == RUN[:3]
    author, text = dialogue(episode)[3]
    assert author == "writer"
    assert text.startswith("[text not in this trace: span 0x")
    assert "switch on the recording of content" in summary_of(RECORDED / "openllmetry_chat.jsonl")


def test_a_call_recorded_twice_is_told_in_the_summary() -> None:
    assert "3 calls of a model that two tracers recorded" in summary_of(RECORDED / "mlflow.jsonl")
