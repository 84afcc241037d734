"""Real episodes written in the formats of others and read again: the same episode, and so the same signals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from assayd import Assayd, needs_assayd
from trace_writers import WRITERS
from traces import SHARED, read
from verify_episodes import log_records

import assay_rl
from assay_rl import Agent, Episode, Message, Scored, Task
from assay_rl.convert import from_record

LOGS = {
    "dylan_mmlu_3agents": 300,
    "dylan_mmlu_7agents": 100,
    "dylan_math_complex": 200,
    "dylan_humaneval_gpt_35_turbo_0301": 164,
    "taubench_airline_gpt4o": 100,
    "whowhen_ag": 126,
}
CONTEXT = {"taubench_airline_gpt4o": ["user", "tool:*"], "whowhen_ag": ["Computer_terminal"]}
needs_data = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared folder's data is not here")


def again(episodes: list[Episode], format: str, folder: Path) -> list[Episode]:
    out = []
    for number, episode in enumerate(episodes):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(WRITERS[format](episode)), encoding="utf-8")
        out += read(path, format)
        path.unlink()
    return out


@needs_data
@pytest.mark.parametrize("format", sorted(WRITERS))
@pytest.mark.parametrize("name", sorted(LOGS))
def test_real_episodes_come_back_as_they_were(name: str, format: str, tmp_path: Path) -> None:
    episodes = [from_record(r, context_agents=CONTEXT.get(name, [])) for r in log_records(name, LOGS[name])]
    found = again(episodes, format, tmp_path)
    assert len(found) == len(episodes)
    for before, after in zip(episodes, found, strict=True):
        after.components = {}  # verifiers names its rewards
        assert after.to_proto() == before.to_proto()


OWN = Episode(
    "own",
    [
        Message("", "The task."),
        Message("amy", "one", round=1, answer="1"),
        Message("bob", "", round=1, answer=""),
        Message("", "The task."),
        Message("", "yes"),
        Message("amy", "two\n\nthree", round=2, first_error=True),
        Message("", "yes"),
    ],
    agents=[Agent("bob"), Agent("amy"), Agent("cleo")],
    task=Task("", "The task.", "0"),
    score=0.0,
)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_our_own_episode_comes_back_as_it_was(format: str, tmp_path: Path) -> None:
    (found,) = again([OWN], format, tmp_path)
    found.components = {}
    assert found.to_proto() == OWN.to_proto()


@needs_data
@needs_assayd
@pytest.mark.parametrize("format", sorted(WRITERS))
def test_the_signals_are_the_same_to_the_last_bit(format: str, tmp_path: Path) -> None:
    episodes = [from_record(record) for record in log_records("dylan_math_complex", 40)]
    found = again(episodes, format, tmp_path)
    for episode in found:
        episode.components = {}
    server = Assayd().start()
    try:
        with assay_rl.Client(server.target) as client:
            batches = [client.score_batch(each, options={"audit": "AUDIT_FULL"}).outcomes for each in (episodes, found)]
    finally:
        server.stop()
    for before, after in zip(*batches, strict=True):
        assert isinstance(before, Scored)
        assert isinstance(after, Scored)
        a, b = (outcome.proto.signals for outcome in (before, after))
        assert a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)
