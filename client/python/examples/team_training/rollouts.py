"""Playing episodes, and replaying them with a difference; what it costs is counted where it happens."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from team_training.environments import LENGTH, NOISE, TASKS, Bools, Environment, Floats, Ints
from team_training.policies import Policies


@dataclass
class Costs:
    """What R runs have spent so far, each [R].

    episodes: rollouts from the start, for learning. replays: counterfactual rollouts, in which policies and
    environment are played on from some message. regrades: recorded messages graded again with some left out: no
    policy, no environment step, so no rollout. tokens: tokens that policies generated, in episodes and replays alike.
    """

    episodes: Ints
    replays: Ints
    regrades: Ints
    tokens: Ints

    @classmethod
    def none(cls, runs: int) -> Costs:
        return cls(*(np.zeros(runs, dtype=np.int64) for _ in range(4)))

    @property
    def rollouts(self) -> Ints:
        return self.episodes + self.replays


@dataclass
class Episodes:
    """A batch of finished episodes, B of them with T turns; `run` says whose policies played and `group` which of them
    are compared. `seed` [B] identifies an episode: whatever is replayed of it takes its luck from there."""

    environment: Environment
    run: Ints  # [B]
    group: Ints  # [B]
    seed: Ints  # [B]
    task: Ints  # [B]
    noise: Floats  # [B, NOISE]
    messages: Ints  # [B, T]
    observations: Ints  # [B, T]
    present: Bools  # [B, T]: turns that took place
    score: Floats = field(init=False)  # [B]

    def __post_init__(self) -> None:
        self.score = self.environment.grade(self.task, self.messages, self.present)

    def __len__(self) -> int:
        return len(self.task)

    @property
    def authors(self) -> Ints:
        """[B, T]"""
        return np.broadcast_to(self.environment.authors(), self.messages.shape)

    def gradient(self, policies: Policies, weight: Floats) -> Floats:
        """sum of weight [B, T] * grad log pi over the messages that were sent."""
        run = np.broadcast_to(self.run[:, None], weight.shape)
        return policies.score_gradient(run, self.authors, self.observations, self.messages, weight * self.present)


def play(
    environment: Environment,
    policies: Policies,
    run: Ints,
    task: Ints,
    noise: Floats,
    luck: Floats,
    present: Bools,
    recorded: tuple[Ints, Ints] | None = None,
) -> tuple[Ints, Ints]:
    """Messages and observations, [B, T] each. luck [B, T] uniform. recorded: (messages [B, T], turns [B]), of which
    the first `turns` stand and are not generated."""
    size, turns = present.shape
    messages = np.zeros((size, turns), dtype=np.int64)
    observations = np.zeros((size, turns), dtype=np.int64)
    for turn, agent in enumerate(environment.authors()):
        observations[:, turn] = environment.observe(turn, task, messages, present, noise)
        messages[:, turn] = policies.sample(run, int(agent), observations[:, turn], luck[:, turn])
        if recorded is not None:
            stands = turn < recorded[1]
            messages[:, turn] = np.where(stands, recorded[0][:, turn], messages[:, turn])
    return messages, observations


class Player:
    """Plays episodes for R runs in lockstep. The luck of a run depends on its seed and on nothing else, so methods that
    are trained with one seed meet the same tasks."""

    def __init__(self, environment: Environment, seeds: list[int], purpose: int = 1) -> None:
        self.environment = environment
        self._generators = [np.random.default_rng([seed, purpose]) for seed in seeds]

    def groups(self, policies: Policies, size: int, tasks: Ints | None = None, costs: Costs | None = None) -> Episodes:
        """One group of `size` episodes a run: all of one task that is drawn, or of the given tasks [R * size]."""
        runs, turns = len(self._generators), len(self.environment.turns)
        drawn = np.array([rng.integers(TASKS) for rng in self._generators])
        task = np.repeat(drawn, size) if tasks is None else tasks
        seed = np.concatenate([rng.integers(1 << 62, size=size) for rng in self._generators])
        numbers = np.concatenate([rng.random((size, NOISE + turns)) for rng in self._generators])
        run = np.repeat(np.arange(runs), size)
        noise, luck = numbers[:, :NOISE], numbers[:, NOISE:]
        present = self.environment.on_duty(noise)
        messages, observations = play(self.environment, policies, run, task, noise, luck, present)
        if costs is not None:
            costs.episodes += size
            costs.tokens += LENGTH * present.sum(axis=1).reshape(runs, size).sum(axis=1)
        return Episodes(self.environment, run, run, seed, task, noise, messages, observations, present)


def regrade(episodes: Episodes, index: int, kept: Bools, costs: Costs) -> Floats:
    """Scores [Q] of episode `index` when of its messages only kept [Q, T] had been sent. Costs no rollout."""
    count = len(kept)
    costs.regrades[episodes.run[index]] += count
    present = kept & episodes.present[index]
    task = np.repeat(episodes.task[index], count)
    messages = np.broadcast_to(episodes.messages[index], present.shape)
    return episodes.environment.grade(task, messages, present)


def regrade_without(episodes: Episodes, agent: int, costs: Costs) -> Floats:
    """Scores [B] of all episodes without the messages of `agent`. Costs no rollout."""
    np.add.at(costs.regrades, episodes.run, 1)
    kept = episodes.present & (episodes.environment.authors() != agent)
    return episodes.environment.grade(episodes.task, episodes.messages, kept)


def replay_from(
    episodes: Episodes,
    policies: Policies,
    index: int,
    turn: int,
    ordinals: range,
    costs: Costs,
    change: int | None = None,
) -> Floats:
    """Scores of rollouts in which the first `turn` turns of an episode stand and the rest is played afresh.

    ordinals: which of the episode's rollouts, one score each. Number k has the same luck in every replay of the
    episode, so that differences between replays are not luck (common random numbers). change: message that is sent at
    `turn` instead. Costs one rollout a score.
    """
    environment = episodes.environment
    turns = len(environment.turns)
    rng = np.random.default_rng([int(episodes.seed[index]), 1])
    numbers = rng.random((ordinals.stop, NOISE + turns))[ordinals.start :]
    samples = len(ordinals)
    run = np.repeat(episodes.run[index], samples)
    task = np.repeat(episodes.task[index], samples)
    present = np.repeat(episodes.present[index : index + 1], samples, axis=0)
    fixed = episodes.messages[index].copy()
    stands = turn
    if change is not None:
        fixed[turn] = change
        stands = turn + 1
    recorded = (np.broadcast_to(fixed, present.shape), np.repeat(stands, samples))
    noise, luck = numbers[:, :NOISE], numbers[:, NOISE:]
    messages, _ = play(environment, policies, run, task, noise, luck, present, recorded)
    costs.replays[run[0]] += samples
    costs.tokens[run[0]] += LENGTH * int(present[:, stands:].sum())
    return environment.grade(task, messages, present)
