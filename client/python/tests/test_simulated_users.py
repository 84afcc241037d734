"""Real runs of a tool user with a simulated user that failed without one call that changed anything (tau-bench).

No exact value blames any of the assistant's calls there: what there is to say must come from an annotation or from
judges. Skipped where the shared data is absent.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from assayd import SHARED, needs_assayd, running

from assay_rl import Client, Episode, Scored
from assay_rl.convert import from_record

DATA = SHARED / "data" / "taubench_airline_gpt4o.jsonl.gz"
pytestmark = [needs_assayd, pytest.mark.skipif(not DATA.is_file(), reason="skipped: no shared data")]


@cache
def records() -> list[dict[str, Any]]:
    """Failures without a call that writes, which no call could have mended alone: v(empty) is 0."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return [r for r in read if not r["outcome"] and not r["extra"]["player_messages"] and not r["extra"]["v_empty"]]


def episodes(change: Callable[[Episode], None]) -> list[Episode]:
    made = [from_record(record, context_agents=["user", "tool:*"], kinds=True) for record in records()]
    for episode in made:
        change(episode)
    return made


def spoken(episode: Episode, name: str) -> list[int]:
    return [t for t, message in enumerate(episode.messages) if message.agent == name]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running() as server, Client(server.target, deadline=300) as connected:
        yield connected


def scored(client: Client, made: list[Episode]) -> list[tuple[Episode, Any]]:
    batch = client.score_batch(made, options={"outcome": {}})
    found = {o.episode_id: o.signals for o in batch.outcomes if isinstance(o, Scored)}
    assert len(found) == len(made) == 29, batch.outcomes
    return [(episode, found[episode.id]) for episode in made]


def test_who_is_a_person_and_who_a_tool() -> None:
    for episode in episodes(lambda episode: None):
        kinds = {agent.id: agent.kind for agent in episode.players()}
        assert kinds.pop("assistant") == ""
        assert kinds.pop("user") == "human"
        assert set(kinds.values()) <= {"tool"}


def test_without_evidence_nobody_is_blamed(client: Client) -> None:
    for episode, signals in scored(client, episodes(lambda episode: None)):
        first = signals.first_error
        assert first.tier == "NONE"
        assert first.agent_id == ""
        assert first.first_index is first.decisive_index is first.context_index is None
        # All carry the shortfall alike, and no tool and no user any of it.
        assert set(signals.rewards) == set(spoken(episode, "assistant"))
        assert max(signals.rewards.values()) - min(signals.rewards.values()) < 1e-9


@pytest.mark.parametrize("place", [0, -1])
def test_an_annotated_user_is_said(client: Client, place: int) -> None:
    def annotate(episode: Episode) -> None:
        episode.messages[spoken(episode, "user")[place]].first_error = True

    for episode, signals in scored(client, episodes(annotate)):
        first = signals.first_error
        assert first.context_index == spoken(episode, "user")[place]
        assert first.environment_probability == pytest.approx(1)
        assert first.agent_id == ""
        assert set(signals.rewards.values()) == {0}
        assert signals.proto.conservation.unallocated == pytest.approx(-1)


def test_a_judge_who_finds_the_assistant_right_blames_nobody(client: Client) -> None:
    """Such scores leave the environment more than it had, and claim no message of the assistant."""

    def judge(episode: Episode) -> None:
        for t in spoken(episode, "assistant"):
            episode.messages[t].process_score = 0.9

    before = scored(client, episodes(lambda episode: None))
    after = scored(client, episodes(judge))
    said = 0
    for (_, unknown), (_, signals) in zip(before, after, strict=True):
        first = signals.first_error
        assert first.first_index is first.decisive_index is None
        assert first.environment_probability > unknown.first_error.environment_probability
        said += first.environment_probability >= 0.5
    assert said == 29


def test_a_judge_who_finds_one_call_wrong_is_believed(client: Client) -> None:
    """The environment is no excuse where something speaks against a message."""

    def judge(episode: Episode) -> None:
        own = spoken(episode, "assistant")
        for t in own:
            episode.messages[t].process_score = -0.95 if t == own[len(own) // 2] else 0.9

    claimed = 0
    for episode, signals in scored(client, episodes(judge)):
        own = spoken(episode, "assistant")
        assert signals.first_error.context_index is None
        assert signals.first_error.first_index in (None, own[len(own) // 2])
        claimed += signals.first_error.first_index is not None
    print(f"claimed in {claimed} of 29")
    assert claimed >= 20
