"""What Assay can be told of every message beside what was said: a learnt value function, or a judge's opinion."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from team_training.environments import MESSAGES, TASKS, Bools, Environment
from team_training.rollouts import Costs, Episodes, regrade_without_each
from team_training.signals_source import Told

_RIDGE = 1.0
_KEPT = 0.95  # of what was learnt, an iteration: policies change


class Teller(Protocol):
    """One for all iterations of a training."""

    def tell(self, episodes: Episodes, costs: Costs, flips: float) -> Told:
        """Of a batch; what is learnt from it counts from the next one on."""

    def keep(self, runs: Bools) -> None:
        """Goes on with these runs [R] only."""


class ValueFunction:
    """A critic for each run, task and node: the score, by a ridge regression on which messages stand before the node.

    It is fitted to the episodes of earlier iterations, so that a value does not know how its own episode ended, and
    costs no rollout. It sees what was said and knows nothing of how it is graded.
    """

    def __init__(self, environment: Environment, runs: int) -> None:
        turns = len(environment.turns)
        size = 1 + turns * MESSAGES
        self._squares = np.zeros((runs, TASKS, turns, size, size))
        self._products = np.zeros((runs, TASKS, turns, size))

    def keep(self, runs: Bools) -> None:
        self._squares, self._products = self._squares[runs], self._products[runs]

    def tell(self, episodes: Episodes, costs: Costs, flips: float) -> Told:
        turns = episodes.present.shape[1]
        said = np.zeros((*episodes.messages.shape, MESSAGES))
        np.put_along_axis(said, episodes.messages[:, :, None], episodes.present[:, :, None].astype(float), axis=2)
        values = np.zeros(episodes.messages.shape)
        features = np.ones((len(episodes), 1 + turns * MESSAGES))
        features[:, 1:] = said.reshape(len(episodes), -1)
        for run, task in {(int(r), int(t)) for r, t in zip(episodes.run, episodes.task, strict=True)}:
            own = (episodes.run == run) & (episodes.task == task)
            for turn in range(turns):
                before = features[own].copy()
                before[:, 1 + turn * MESSAGES :] = 0.0
                squares, products = self._squares[run, task, turn], self._products[run, task, turn]
                weights = np.linalg.solve(squares + _RIDGE * np.eye(len(squares)), products)
                values[own, turn] = np.clip(before @ weights, 0.0, 1.0)
                self._squares[run, task, turn] = _KEPT * squares + before.T @ before
                self._products[run, task, turn] = _KEPT * products + before.T @ episodes.score[own]
        return Told(values=values)


class LeftOut:
    """A judge of single messages: the score less what it would have been without the message, one re-grading each."""

    def keep(self, runs: Bools) -> None:
        pass

    def tell(self, episodes: Episodes, costs: Costs, flips: float) -> Told:
        return Told(scores=episodes.score[:, None] - regrade_without_each(episodes, costs, flips))


def teller(name: str, environment: Environment, runs: int) -> Teller | None:
    """By Method.told; None where that is empty."""
    if name == "values":
        return ValueFunction(environment, runs)
    return LeftOut() if name == "scores" else None
