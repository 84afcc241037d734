"""Training a team by policy gradient: the same loop for every method; only the advantages differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from team_training.baselines import BASELINES
from team_training.environments import ENVIRONMENTS, TASKS, Environment, Floats, Ints
from team_training.methods import Method
from team_training.policies import Policies
from team_training.preferences import PREFERENCE_RULES
from team_training.rollouts import Costs, Episodes, Player
from team_training.signals_source import SignalsSource
from team_training.summary import Curves

GROUP = 16
_EVALUATION = 512  # episodes with which a team is measured, of all tasks alike; not charged to anyone


@dataclass
class History:
    """What was seen at the checkpoints of R runs: every array is [R, checkpoints]."""

    rollouts: list[Ints] = field(default_factory=list)
    replays: list[Ints] = field(default_factory=list)
    regrades: list[Ints] = field(default_factory=list)
    tokens: list[Ints] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    sabotage: list[Floats] = field(default_factory=list)
    redundancy: list[Floats] = field(default_factory=list)

    def arrays(self) -> dict[str, list[list[float]]]:
        return {name: np.stack(columns, axis=1).tolist() for name, columns in vars(self).items()}


class Examiner:
    """Measures teams on the same fresh episodes at every checkpoint, of all tasks alike."""

    def __init__(self, environment: Environment, seeds: list[int]) -> None:
        self._environment, self._seeds = environment, seeds

    def examine(self, policies: Policies) -> tuple[Floats, Floats, Floats]:
        """value, sabotage rate, redundancy rate, each [R].

        Sabotage: share of messages that do harm by what they say. Redundancy: share of the messages of solved
        episodes without which the episode would have been solved just as well.
        """
        runs = len(self._seeds)
        tasks = np.tile(np.arange(TASKS), runs * _EVALUATION // TASKS)
        episodes = Player(self._environment, self._seeds, purpose=2).groups(policies, _EVALUATION, tasks)
        present = episodes.present
        harmful = self._environment.harmful(episodes.task, episodes.messages) & present
        solved = (episodes.score >= 1.0)[:, None] & present
        needless = np.zeros_like(present)
        for turn in range(present.shape[1]):
            kept = present.copy()
            kept[:, turn] = False
            needless[:, turn] = self._environment.grade(episodes.task, episodes.messages, kept) >= episodes.score
        return (
            episodes.score.reshape(runs, -1).mean(axis=1),
            _share(harmful, present, runs),
            _share(needless & solved, solved, runs),
        )


def _share(part: Any, whole: Any, runs: int) -> Floats:
    totals = whole.reshape(runs, -1).sum(axis=1)
    return np.asarray(part.reshape(runs, -1).sum(axis=1) / np.maximum(totals, 1), dtype=np.float64)


def advantages(
    method: Method, episodes: Episodes, policies: Policies, costs: Costs, source: SignalsSource | None
) -> Floats:
    if method.options is None:
        return BASELINES[method.baseline].rule(episodes, costs)
    if source is None:
        raise ValueError(f"{method.name} needs a server")
    return source.advantages(episodes, policies, costs, method.options, flips=method.flips)


def train(
    method: Method,
    environment_name: str,
    seeds: list[int],
    step: float,
    budget: int,
    checkpoint: int,
    source: SignalsSource | None,
    until_target: bool = False,
) -> dict[str, list[list[float]]]:
    """Trains one team a seed, all in lockstep, until each has spent `budget` rollouts (counterfactual ones included).

    checkpoint: rollouts between two examinations. until_target: stop as soon as all have reached the target. Returns
    History.arrays().
    """
    environment = ENVIRONMENTS[environment_name]
    policies = Policies.initial(environment, seeds)
    player, examiner = Player(environment, seeds), Examiner(environment, seeds)
    costs, history = Costs.none(len(seeds)), History()
    due = 0
    while True:
        spent = costs.rollouts
        if spent.min() >= due:
            _record(history, costs, examiner.examine(policies))
            due = int(spent.min()) + checkpoint
        if spent.min() >= budget or (until_target and Curves(history.arrays(), budget).reached().all()):
            return history.arrays()
        active = (spent < budget).astype(float)  # who has spent it all learns no more while the others finish
        episodes = player.groups(policies, GROUP, costs=costs)
        if method.preferences:
            PREFERENCE_RULES[method.preferences](episodes, policies, costs, source, step * active)
        else:
            weight = advantages(method, episodes, policies, costs, source) / GROUP
            policies.ascend(episodes.gradient(policies, weight), step * active)


def _record(history: History, costs: Costs, measured: tuple[Floats, Floats, Floats]) -> None:
    history.rollouts.append(costs.rollouts.copy())
    history.replays.append(costs.replays.copy())
    history.regrades.append(costs.regrades.copy())
    history.tokens.append(costs.tokens.copy())
    for column, values in zip((history.value, history.sabotage, history.redundancy), measured, strict=True):
        column.append(values)
