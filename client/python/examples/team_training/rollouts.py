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

    def of(self, runs: Bools) -> Costs:
        """Those of these runs [R]."""
        return Costs(self.episodes[runs], self.replays[runs], self.regrades[runs], self.tokens[runs])

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

    def content(self, index: int) -> tuple[int, bytes, bytes]:
        """All that a grader sees of an episode."""
        return int(self.task[index]), self.messages[index].tobytes(), self.present[index].tobytes()

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

    def keep(self, runs: Bools) -> None:
        """Goes on with these runs [R] only."""
        self._generators = [rng for rng, kept in zip(self._generators, runs, strict=True) if kept]

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


def _uniform(seed: Ints, kept: Bools) -> Floats:
    """A uniform number for each row of kept [Q, T] that depends on the episode's seed [Q] and the row alone."""
    mask = (kept.astype(np.uint64) << np.arange(kept.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    x = (mask + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + seed.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64's finaliser
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def _graded(episodes: Episodes, index: Ints, kept: Bools, flips: float) -> Floats:
    """Scores [Q] of episodes `index` [Q] when only kept [Q, T] had been sent, a share `flips` of them wrong: score
    instead of 1 - score, for the same question always the same answer. The whole episode is never graded wrongly."""
    present = kept & episodes.present[index]
    scores = episodes.environment.grade(episodes.task[index], episodes.messages[index], present)
    if not flips:
        return scores
    wrong = _uniform(episodes.seed[index], present) < flips
    whole = (present == episodes.present[index]).all(axis=1)
    return np.where(wrong & ~whole, 1.0 - scores, scores)


def regrade(episodes: Episodes, index: int, kept: Bools, costs: Costs, flips: float = 0.0) -> Floats:
    """Scores [Q] of episode `index` when of its messages only kept [Q, T] had been sent. Costs no rollout.

    flips: probability that an answer is wrong.
    """
    costs.regrades[episodes.run[index]] += len(kept)
    return _graded(episodes, np.repeat(index, len(kept)), kept, flips)


def regrade_whole_batch(episodes: Episodes, kept: Bools, flips: float = 0.0) -> Floats:
    """Scores [B, Q] of every episode when of its messages only kept [Q, T] had been sent; whoever asks counts them.
    flips: as for regrade."""
    index = np.repeat(np.arange(len(episodes)), len(kept))
    return _graded(episodes, index, np.tile(kept, (len(episodes), 1)), flips).reshape(len(episodes), len(kept))


def regrade_teams(episodes: Episodes, sources: Ints, costs: Costs, flips: float = 0.0) -> Floats:
    """Scores [Q] of teams put together from episodes of one group: agent a says what it said in sources [Q, agents],
    nothing where that is -1. Costs no rollout. flips: as for regrade; teams that say the same are one question."""
    authors = episodes.environment.authors()
    here = sources[:, authors]  # [Q, T]
    turns = np.arange(len(authors))
    messages, present = episodes.messages[here, turns], episodes.present[here, turns] & (here >= 0)
    anybody = sources.max(axis=1)
    np.add.at(costs.regrades, episodes.run[anybody], 1)
    scores = episodes.environment.grade(episodes.task[anybody], messages, present)
    if not flips:
        return scores
    group = episodes.group[anybody]
    luck = np.array([episodes.seed[episodes.group == g].min() for g in range(int(np.max(group)) + 1)])[group]
    said = (np.where(present, messages + 1, 0) << (3 * turns)).sum(axis=1)  # MESSAGES + 1 <= 8
    wrong = _uniform(luck ^ (said + 1) * 0x5851F42D, present) < flips
    return np.where(wrong, 1.0 - scores, scores)


def regrade_without_each(episodes: Episodes, costs: Costs, flips: float = 0.0) -> Floats:
    """Scores [B, T] of all episodes without each message. Costs no rollout. flips: as for regrade."""
    turns = episodes.present.shape[1]
    np.add.at(costs.regrades, episodes.run, turns)
    everyone = np.arange(len(episodes))
    columns = [_graded(episodes, everyone, episodes.present & (np.arange(turns) != t), flips) for t in range(turns)]
    return np.stack(columns, axis=1)


def regrade_without(episodes: Episodes, agent: int, costs: Costs, flips: float = 0.0) -> Floats:
    """Scores [B] of all episodes without the messages of `agent`. Costs no rollout. flips: as for regrade."""
    np.add.at(costs.regrades, episodes.run, 1)
    kept = episodes.present & (episodes.environment.authors() != agent)
    return _graded(episodes, np.arange(len(episodes)), kept, flips)


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
