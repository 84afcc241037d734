"""Training a team by policy gradient: the same loop for every method; only the advantages differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from team_training.baselines import BASELINES
from team_training.environments import ENVIRONMENTS, TASKS, Environment, Floats, Ints
from team_training.methods import Method
from team_training.policies import Policies
from team_training.preferences import PREFERENCE_RULES
from team_training.rollouts import Costs, Episodes, Player
from team_training.signals_source import AdvantageSource, SignalsSource
from team_training.summary import Curves
from team_training.told import Teller, teller

GROUP = 16
_EVALUATION = 512  # episodes with which a team is measured, of all tasks alike; not charged to anyone


class History:
    """What was seen of R runs at their checkpoints. A run that ends early keeps its last numbers."""

    COLUMNS = ("rollouts", "replays", "regrades", "tokens", "value", "sabotage", "redundancy")

    def __init__(self, runs: int) -> None:
        self._rows: list[list[tuple[float, ...]]] = [[] for _ in range(runs)]

    def record(self, runs: Ints, costs: Costs, measured: Sequence[Floats]) -> None:
        """One checkpoint of `runs`, of which costs and measured (value, sabotage, redundancy) tell in that order."""
        columns = (costs.rollouts, costs.replays, costs.regrades, costs.tokens, *measured)
        for run, row in zip(runs.tolist(), np.stack(columns, axis=1).tolist(), strict=True):
            self._rows[run].append(tuple(row))

    def arrays(self, runs: Ints | None = None) -> dict[str, list[list[float]]]:
        """Of each column a list of runs (by default all), each a list of checkpoints."""
        chosen = self._rows if runs is None else [self._rows[run] for run in runs]
        longest = max(len(rows) for rows in chosen)
        filled = np.array([rows + [rows[-1]] * (longest - len(rows)) for rows in chosen])
        return {name: filled[:, :, column].tolist() for column, name in enumerate(self.COLUMNS)}


class Examiner:
    """Measures teams on the same fresh episodes at every checkpoint, of all tasks alike."""

    def __init__(self, environment: Environment, seeds: list[int]) -> None:
        self._environment, self._seeds = environment, seeds

    def examine(self, policies: Policies, rates: bool = True) -> tuple[Floats, Floats, Floats]:
        """value, sabotage rate, redundancy rate, each [R]; without `rates` the latter two are 0.

        Sabotage: share of messages that do harm by what they say. Redundancy: share of the messages of solved
        episodes without which the episode would have been solved just as well.
        """
        runs = len(self._seeds)
        tasks = np.tile(np.arange(TASKS), runs * _EVALUATION // TASKS)
        episodes = Player(self._environment, self._seeds, purpose=2).groups(policies, _EVALUATION, tasks)
        value = episodes.score.reshape(runs, -1).mean(axis=1)
        if not rates:
            return value, np.zeros(runs), np.zeros(runs)
        present = episodes.present
        harmful = self._environment.harmful(episodes.task, episodes.messages) & present
        solved = (episodes.score >= 1.0)[:, None] & present
        needless = np.zeros_like(present)
        for turn in range(present.shape[1]):
            kept = present.copy()
            kept[:, turn] = False
            needless[:, turn] = self._environment.grade(episodes.task, episodes.messages, kept) >= episodes.score
        return value, _share(harmful, present, runs), _share(needless & solved, solved, runs)


def _share(part: Any, whole: Any, runs: int) -> Floats:
    totals = whole.reshape(runs, -1).sum(axis=1)
    return np.asarray(part.reshape(runs, -1).sum(axis=1) / np.maximum(totals, 1), dtype=np.float64)


def advantages(
    method: Method,
    episodes: Episodes,
    policies: Policies,
    costs: Costs,
    source: AdvantageSource | None,
    teller: Teller | None = None,
) -> Floats:
    if method.options is None:
        return BASELINES[method.baseline].rule(episodes, costs, method.flips)
    if source is None:
        raise ValueError(f"{method.name} needs a server")
    told = None if teller is None else teller.tell(episodes, costs, method.flips)
    return source.advantages(
        episodes, policies, costs, method.options, flips=method.flips, rollouts=method.rollouts, told=told
    )


def train(
    method: Method,
    environment_name: str,
    seeds: list[int],
    step: float,
    budget: int,
    checkpoint: int,
    source: AdvantageSource | None,
    until_target: bool = False,
) -> dict[str, list[list[float]]]:
    """Trains one team a seed, all in lockstep, until each has spent `budget` rollouts (counterfactual ones included).

    checkpoint: rollouts between two examinations. until_target: a run ends as soon as it has reached the target, and
    only the values are examined. Returns History.arrays().
    """
    environment = ENVIRONMENTS[environment_name]
    policies, player = Policies.initial(environment, seeds), Player(environment, seeds)
    runs, costs, history = np.arange(len(seeds)), Costs.none(len(seeds)), History(len(seeds))
    told = teller(method.told, environment, len(seeds))
    due = 0
    while len(runs):
        if np.min(costs.rollouts) >= due:
            examiner = Examiner(environment, [seeds[run] for run in runs])
            history.record(runs, costs, examiner.examine(policies, rates=not until_target))
            due = int(np.min(costs.rollouts)) + checkpoint
            if until_target:
                going = ~Curves(history.arrays(runs), budget).reached()
                runs, policies, costs = runs[going], Policies(policies.logits[going]), costs.of(going)
                player.keep(going)
                if told is not None:
                    told.keep(going)
                if not len(runs):
                    break
        active = (costs.rollouts < budget).astype(float)  # who has spent it all waits while the others finish
        if not active.any():
            break
        episodes = player.groups(policies, GROUP, costs=costs)
        if method.preferences:
            asked = source if isinstance(source, SignalsSource) else None
            PREFERENCE_RULES[method.preferences](episodes, policies, costs, asked, step * active)
        else:
            weight = advantages(method, episodes, policies, costs, source, told) / GROUP
            policies.ascend(episodes.gradient(policies, weight), step * active)
    return history.arrays()
