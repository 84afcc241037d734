"""Adapters whose trainers do not install here, against their own types as read in their sources.

slime (of August 2026), NeMo Gym 0.7, AReaL 1.0.4 and rLLM (of August 2026). The rollouts are those of rollouts.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from assayd import Assayd, needs_assayd, running
from rollouts import BROKEN, OPTIONS, PLAYS, ROLLOUTS, Play, episodes, evaluate

from assay_rl import Advantages, Client, Episode
from assay_rl.training import areal, rllm
from assay_rl.training.nemo_gym import AssayVerify
from assay_rl.training.slime import ADVANTAGES, EPISODE, SPANS, Slime
from assay_rl.training.team import TeamCredit

pytestmark = needs_assayd


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


@pytest.fixture(params=PLAYS, ids=lambda play: play.outcome_part)
def play(request: pytest.FixtureRequest) -> Play:
    held: Play = request.param
    return held


@pytest.fixture
def credit(server: Assayd, play: Play) -> TeamCredit:
    return TeamCredit(server.target, evaluator=evaluate, options=play.options)


@pytest.fixture
def expected(server: Assayd, play: Play) -> list[Advantages | None]:
    return play.plain(server.target)


def written(episode: Episode, agent: str) -> list[int]:
    return [index for index, message in enumerate(episode.messages) if message.agent == agent]


# slime: a sample an agent, several of one rollout.


@dataclass
class Sample:
    index: int
    group_index: int
    rollout_id: int
    response_length: int
    metadata: dict[str, Any]
    reward: float | None = None
    remove_sample: bool = False


def test_slime_group(play: Play, credit: TeamCredit, expected: list[Advantages | None]) -> None:
    samples = []
    for number, episode in enumerate(play.episodes()):
        for agent in ("builder", "saboteur"):
            spans = [[index, 4 * k, 4 * k + 3] for k, index in enumerate(written(episode, agent))]
            told = {EPISODE: episode.to_json(), SPANS: spans}
            samples.append(Sample(len(samples), 0, number, 4 * len(spans), told))
    door = Slime(credit)
    rewards = asyncio.run(door.group_rm(None, samples))
    assert len(rewards) == 2 * ROLLOUTS
    known = [reward for reward, sample in zip(rewards, samples, strict=True) if not sample.remove_sample]
    for sample, reward in zip(samples, rewards, strict=True):
        own = expected[sample.rollout_id]
        if own is None:
            assert sample.rollout_id == BROKEN
            assert sample.remove_sample
            assert reward == pytest.approx(sum(known) / len(known))
            assert ADVANTAGES not in sample.metadata
            continue
        (index, *_) = (span[0] for span in sample.metadata[SPANS])
        assert reward == own.outcomes[index]
        row = [0.0] * sample.response_length
        for message, start, end in sample.metadata[SPANS]:
            row[start:end] = [own.messages[message]] * (end - start)
        assert sample.metadata[ADVANTAGES] == row


# NeMo Gym: verify() of a resources server.


@dataclass
class Request:
    episode: Episode

    def model_dump(self) -> dict[str, Any]:
        return {"responses_create_params": {}, "response": {}}


@dataclass
class Response:
    responses_create_params: Any
    response: Any
    reward: float
    mask_sample: bool = False
    failure_kind: str | None = None
    failure_reason: str | None = None


def test_nemo_gym_verify(server: Assayd, credit: TeamCredit) -> None:
    held = credit

    class Riddles(AssayVerify):
        credit: ClassVar[TeamCredit] = held
        agent: ClassVar[str] = "builder"
        response: ClassVar[type[Any] | None] = Response

        def build(self, body: Any) -> Episode:
            episode: Episode = body.episode
            return episode

    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes

    async def ask() -> list[Any]:
        return await asyncio.gather(*(Riddles().verify(Request(episode)) for episode in episodes()))

    for number, (answer, outcome) in enumerate(zip(asyncio.run(ask()), outcomes, strict=True)):
        if number == BROKEN:
            assert answer.mask_sample
            assert "the sandbox is gone" in answer.failure_reason
            continue
        assert outcome.ok
        (without,) = [a.value_without for a in outcome.signals.agents if a.agent_id == "builder"]
        assert not answer.mask_sample
        assert answer.reward == pytest.approx(outcome.signals.score - without)


# AReaL: interactions of an ArealOpenAI client.


@dataclass
class Interactions:
    rewards: dict[str, float | None]

    def set_reward(self, id: str, reward: float) -> None:
        if id not in self.rewards:
            raise KeyError(id)
        self.rewards[id] = reward

    def export_interactions(self, style: str) -> dict[str, Any]:
        assert style == "individual"
        return {key: SimpleNamespace(reward=reward) for key, reward in self.rewards.items()}


def test_areal_workflow(play: Play, credit: TeamCredit, expected: list[Advantages | None]) -> None:
    left = iter(range(ROLLOUTS))

    class Riddles(areal.AssayWorkflow):
        async def play(self, engine: Any, data: dict[str, Any]) -> tuple[Any, Episode, Mapping[int, str]]:
            number = next(left)
            episode = play.episodes()[number]
            places = {i: f"{number}-{i}" for i, m in enumerate(episode.messages) if m.agent}
            return Interactions({**dict.fromkeys(places.values()), f"{number}-judge": 0.0}), episode, places

    kept = asyncio.run(Riddles(credit, ROLLOUTS).arun_episode(None, {"prompt": "Build it."}))
    assert kept is not None
    assert not any(key.startswith(f"{BROKEN}-") or key.endswith("judge") for key in kept)
    for key, interaction in kept.items():
        number, index = map(int, key.split("-"))
        own = expected[number]
        assert own is not None
        assert interaction.reward == own.messages[index]
    assert len(kept) == sum(
        len(written(e, "builder") + written(e, "saboteur")) for n, e in enumerate(episodes()) if n != BROKEN
    )


def test_areal_settings_that_undo_the_credit_are_named(caplog: pytest.LogCaptureFixture) -> None:
    norm = SimpleNamespace(mean_level="group")
    actor = SimpleNamespace(reward_norm=norm, adv_norm=norm, reward_scaling=10.0, reward_bias=0.0, gae_lambda=0.95)
    with caplog.at_level(logging.WARNING):
        found = areal.check(actor)
    assert [sentence.split()[0] for sentence in found] == [
        "actor.reward_norm",
        "actor.adv_norm",
        "actor.reward_bias",
        "actor.discount",
    ]
    assert len(caplog.records) == 4
    assert areal.check(SimpleNamespace(reward_norm=None, adv_norm=None)) == []


# rLLM: steps of trajectories.


@dataclass
class Step:
    response_ids: list[int]
    advantage: Any = None
    reward: float = 0.0
    mask: list[int] = field(default_factory=list)


def test_rllm_steps(play: Play, credit: TeamCredit, expected: list[Advantages | None]) -> None:
    rollouts: list[Any] = [
        (episode, [(Step([0] * (2 + i)), i) for i, m in enumerate(episode.messages) if m.agent])
        for episode in play.episodes()
    ]
    kept = asyncio.run(rllm.credit_rollouts(rollouts, credit))
    assert kept == [rollout for number, rollout in enumerate(rollouts) if number != BROKEN]
    for (_, steps), own in zip(rollouts, expected, strict=True):
        for step, index in steps:
            assert step.advantage == (None if own is None else [own.messages[index]] * (2 + index))
