"""Adapters with the real packages of their trainers (doors.sh installs each): tokens get their messages' advantages.

The rollouts are those of rollouts.py: a group of 8 with 3 to 7 messages by two policies, one of which is a saboteur,
and one rollout whose evaluator fails. What is looked at is what the trainer itself trains on.
"""

from __future__ import annotations

import asyncio
import math
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from rollouts import BROKEN, OPTIONS, PLAYS, ROLLOUTS, Play, episodes, evaluate
from verifiers_traces import by_agent, tokens_of

from assay_rl import Advantages, Client, Episode
from assay_rl.client.outcomes import EpisodeError
from assay_rl.training.team import Team, TeamCredit

pytestmark = [needs_assayd, pytest.mark.trainers]


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
    return play.credit(server.target)


@pytest.fixture
def expected(server: Assayd, play: Play) -> list[Advantages | None]:
    return play.plain(server.target)


@pytest.fixture
def agents(server: Assayd, play: Play, expected: list[Advantages | None]) -> list[dict[str, float]]:
    """X by agent, of each rollout."""
    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes
    return [
        {} if own is None or not outcome.ok else own.of_agents(outcome.signals)
        for own, outcome in zip(expected, outcomes, strict=True)
    ]


# ART


def test_art_group(credit: TeamCredit, agents: list[dict[str, float]]) -> None:
    art = pytest.importorskip("art")
    from assay_rl.training.art import AGENT, ROLLOUT, assay_score_group

    known = {episode.id: episode for episode in episodes()}

    def build(held: Sequence[Any]) -> Episode:
        return known[str(held[0].metadata[ROLLOUT])]

    trajectories = [
        art.Trajectory(
            messages_and_choices=[{"role": "user", "content": "Build it."}],
            metadata={ROLLOUT: episode.id, AGENT: name},
            reward=99.0,
        )
        for episode in episodes()
        for name in by_agent(episode)
    ]
    group = asyncio.run(assay_score_group(art.TrajectoryGroup(trajectories), build, credit))
    assert len(group.trajectories) == 2 * (ROLLOUTS - 1)
    assert len(group.exceptions) == 2
    assert "the sandbox is gone" in group.exceptions[0].message
    for trajectory in group.trajectories:
        number = int(str(trajectory.metadata[ROLLOUT]).removeprefix("rollout-"))
        assert trajectory.reward == agents[number][str(trajectory.metadata[AGENT])]
    for name in ("builder", "saboteur"):
        own = [t.reward for t in group.trajectories if t.metadata[AGENT] == name]
        assert math.fsum(own) == pytest.approx(0, abs=1e-9), "ART's centring leaves X as it is"


# OpenEnv


def test_openenv_rubric(server: Assayd) -> None:
    pytest.importorskip("openenv.core.rubrics.trajectory")
    from assay_rl.training.openenv import AssayRubric, Trajectory

    class Riddles(AssayRubric):
        def build(self, trajectory: Trajectory) -> tuple[Episode, Sequence[int | None]]:
            return trajectory[0][0], [index for _, (index, _) in trajectory]

    class Observation(tuple[Any, bool]):
        @property
        def done(self) -> bool:
            return self[1]

    asked = 0

    def counted(episode: Any, questions: Any) -> Any:
        nonlocal asked
        asked += 1
        return evaluate(episode, questions)

    rubric = Riddles(TeamCredit(server.target, evaluator=counted, options=OPTIONS))
    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes
    for number, (episode, outcome) in enumerate(zip(episodes(), outcomes, strict=True)):
        rubric.reset()
        steps = [index if message.agent else None for index, message in enumerate(episode.messages)]
        seen = [Observation((index, k == len(steps) - 1)) for k, index in enumerate(steps)]
        assert [rubric(episode, observation) for observation in seen[:-1]] == [0.0] * (len(seen) - 1)
        if number == BROKEN:
            with pytest.raises(EpisodeError, match="the sandbox is gone"):
                rubric(episode, seen[-1])
            continue
        assert outcome.ok
        assert rubric(episode, seen[-1]) == outcome.signals.score
        before = asked
        rewards = rubric.compute_step_rewards()
        assert asked == before, "an episode is asked about once"
        assert rewards == [0.0 if k is None else outcome.signals.rewards.get(k, 0.0) for k in steps]


# Tinker cookbook


def tinker_trajectories() -> tuple[list[Any], list[Team]]:
    """Each agent of each rollout is a trajectory; its observation grows, and is new once in between."""
    import tinker
    from tinker_cookbook.completers import TokensWithLogprobs
    from tinker_cookbook.rl.types import Trajectory, Transition

    trajectories, teams = [], []
    for episode in episodes():
        samples: dict[Any, list[int]] = {}
        for name, written in by_agent(episode).items():
            samples[len(trajectories)] = written
            history, transitions = [1, 2, 3], []
            for place, index in enumerate(written):
                if place == 2:
                    history = [9, 9]  # no longer a prefix: another datum begins
                action = tokens_of(index)
                transitions.append(
                    Transition(
                        ob=tinker.ModelInput.from_ints(list(history)),
                        ac=TokensWithLogprobs(tokens=action, maybe_logprobs=[-0.5] * len(action)),
                        reward=0.0,
                        episode_done=index == written[-1],
                    )
                )
                history += [*action, 5]
            trajectories.append(Trajectory(transitions=transitions, final_ob=tinker.ModelInput.from_ints([])))
            assert name
        teams.append(Team(episode, samples))
    return trajectories, teams


def test_tinker_datums(credit: TeamCredit, expected: list[Advantages | None], agents: list[dict[str, float]]) -> None:
    pytest.importorskip("tinker_cookbook.rl.types")
    from tinker_cookbook.rl.data_processing import compute_advantages
    from tinker_cookbook.rl.types import EnvGroupBuilder, TrajectoryGroup

    from assay_rl.training import tinker

    trajectories, teams = tinker_trajectories()
    held = credit

    class Riddles(tinker.AssayGroup, EnvGroupBuilder):  # type: ignore[misc]
        credit = held

        def teams(self, trajectories: Any, envs: Any) -> list[Team]:
            return teams

        async def make_envs(self) -> Any: ...

    told = asyncio.run(Riddles().compute_group_rewards(trajectories, []))
    rewards = [reward for reward, _ in told]
    group = TrajectoryGroup(trajectories, rewards, [metrics for _, metrics in told])
    (centred,) = compute_advantages([group])
    data, metadata = tinker.credited_training_data([group], [centred])
    taken: dict[int, list[float]] = {}
    for datum, about in zip(data, metadata, strict=True):
        values = datum.loss_fn_inputs["advantages"].to_torch()
        mask = datum.loss_fn_inputs["mask"].to_torch()
        assert bool(((mask != 0) | (values == 0)).all()), "only sampled tokens have an advantage"
        taken.setdefault(about["traj_idx"], []).extend(values[mask != 0].tolist())
    for number, (team, own) in enumerate(zip(teams, expected, strict=True)):
        for place, written in team.samples.items():
            name = team.episode.messages[written[0]].agent
            values = [0.0 if own is None else own.messages[index] for index in written for _ in tokens_of(index)]
            assert taken[place] == pytest.approx(values, rel=1e-6)
            assert told[place][1][tinker.FAILED] == (number == BROKEN)
            if number == BROKEN:
                assert float(centred[place]) == pytest.approx(0, abs=1e-6), "no gradient"
            else:
                assert rewards[place] == agents[number][name]
                assert float(centred[place]) == pytest.approx(agents[number][name], abs=1e-6)


# SkyRL


def test_skyrl_advantages(server: Assayd, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 12):  # SkyRL asks for 3.12, of which it needs this one thing here
        typing_extensions = pytest.importorskip("typing_extensions")
        monkeypatch.setattr(typing, "TypedDict", typing_extensions.TypedDict)
    pytest.importorskip("skyrl.backends.skyrl_train.utils.ppo_utils")
    import torch
    from skyrl.backends.skyrl_train.utils import ppo_utils

    from assay_rl.training import skyrl

    expected = play.plain(server.target, scale="OUTCOME_SCALE_SAMPLE", epsilon=1e-6)
    team = play.credit(server.target, scale="SAMPLE", epsilon=1e-6)
    teams, ids, masks, wanted, scores = [], [], [], [], []
    for number, (episode, own) in enumerate(zip(episodes(), expected, strict=True)):
        samples = {}
        for written in by_agent(episode).values():
            row: list[int] = []
            mask: list[int] = []
            values: list[float] = []
            for index in written:
                row += [*tokens_of(index), 5]
                mask += [1] * len(tokens_of(index)) + [0]
                values += [0.0 if own is None else own.messages[index]] * len(tokens_of(index)) + [0.0]
            samples[len(ids)] = written
            ids.append(row)
            masks.append(mask)
            wanted.append(values)
            scores.append(number)
        teams.append(Team(episode, samples))
    output = {"response_ids": ids, "loss_masks": masks, "rewards": [0.0] * len(ids)}
    told = asyncio.run(skyrl.credited_output(output, [teams], team))
    length = max(map(len, ids))
    pad = lambda row: list(row) + [0] * (length - len(row))  # noqa: E731
    rewards = torch.tensor([pad(row) for row in told["rewards"]], dtype=torch.float32)
    response = torch.tensor([pad([1] * len(row)) for row in ids])
    advantages, returns = ppo_utils.compute_advantages_and_returns(
        token_level_rewards=rewards,
        response_mask=response,
        index=[0] * len(ids),
        adv_estimator=skyrl.NAME,
        config=None,
    )
    assert torch.equal(advantages, returns)
    loss_mask = torch.tensor([pad(mask) for mask in told["loss_masks"]])
    assert torch.allclose(advantages * loss_mask, torch.tensor([pad(row) for row in wanted]) * loss_mask, atol=1e-5)
    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes
    for row, number in enumerate(scores):
        outcome = outcomes[number]
        if number == BROKEN:
            assert not outcome.ok
            assert sum(told["loss_masks"][row]) == 0
        else:
            assert outcome.ok
            assert math.fsum(told["rewards"][row]) == pytest.approx(outcome.signals.score)
    with pytest.raises(ValueError, match="step-wise"):
        asyncio.run(skyrl.credited_output({**output, "is_last_step": [True]}, [teams], team))


# Agent Lightning


def test_agent_lightning_hook(server: Assayd, tmp_path: Path) -> None:
    pytest.importorskip("agentlightning.hooks")
    from agentlightning.hooks import load_hooks
    from agentlightning.schemas import Rollout, RolloutConfig, RolloutLifecycleStatus, RolloutState

    here = Path(__file__).resolve().parent
    (tmp_path / "hooks.py").write_text(
        f"""import sys
sys.path.insert(0, {str(here)!r})
from rollouts import OPTIONS, episodes, evaluate
from assay_rl.training import agent_lightning, team


class Hooks(agent_lightning.AssayHooks):
    credit = team.TeamCredit({server.target!r}, evaluator=evaluate, options=OPTIONS)
    agent = "builder"

    def build(self, rollout, events):
        return episodes()[rollout.input]
"""
    )
    hooks = load_hooks(str(tmp_path / "hooks.py"))
    written: list[Any] = []
    store = SimpleNamespace(add_event=lambda *event: written.append(event))
    with Client(server.target) as client:
        outcomes = client.score_batch(episodes(), options=OPTIONS, evaluator=evaluate).outcomes
    for number, outcome in enumerate(outcomes):
        status = RolloutLifecycleStatus(
            state=RolloutState.SUCCEEDED, last_attempt_id="1", created_at=0.0, updated_at=0.0
        )
        rollout = Rollout(rollout_id=f"r{number}", input=number, config=RolloutConfig(), status=status)
        written.clear()
        if number == BROKEN:
            with pytest.raises(EpisodeError):
                hooks.on_succeeded(rollout, {}, store)
            assert written == []
            continue
        hooks.on_succeeded(rollout, {}, store)
        ((identity, attempt, kind, told),) = written
        assert (identity, attempt, kind) == (f"r{number}", "1", "reward")
        assert outcome.ok
        (without,) = [a.value_without for a in outcome.signals.agents if a.agent_id == "builder"]
        assert told["value"] == pytest.approx(outcome.signals.score - without)
