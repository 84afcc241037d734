"""What a trainer does without Assay: advantages [B, T] of a batch of groups, from outcomes alone or from one
counterfactual an agent. None of them sees anything that the others do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from team_training.environments import Bools, Floats, Ints
from team_training.rollouts import Costs, Episodes, regrade_without

_EPSILON = 1e-6
_DISCOUNT = 0.9  # a round
AdvantageRule = Callable[[Episodes, Costs, float], Floats]  # float: share of re-gradings that are wrong


@dataclass(frozen=True)
class Baseline:
    name: str
    title: str
    rule: AdvantageRule


def _standardised(values: Floats, cells: Ints, counted: Bools) -> Floats:
    """(value - mean) / std within each cell, over the counted entries; arrays of one shape."""
    size = int(np.max(cells)) + 1
    count = np.maximum(np.bincount(cells[counted], minlength=size), 1)
    mean = (np.bincount(cells[counted], values[counted], size) / count)[cells]
    square = np.bincount(cells[counted], ((values - mean) ** 2)[counted], size) / count
    return np.asarray((values - mean) / (np.sqrt(square[cells]) + _EPSILON))


def broadcast(episodes: Episodes, costs: Costs, flips: float = 0.0) -> Floats:
    """GRPO: the outcome, standardised in the group, for every message."""
    everyone = np.ones(len(episodes), dtype=bool)
    outcome = _standardised(episodes.score, episodes.group, everyone)
    return np.repeat(outcome[:, None], episodes.messages.shape[1], axis=1)


def _by_agent(episodes: Episodes) -> Ints:
    return episodes.group[:, None] * len(episodes.environment.agents) + episodes.authors


def agent_wise(episodes: Episodes, costs: Costs, flips: float = 0.0) -> Floats:
    """Dr.MAS: the outcome, standardised over the messages that each agent contributed to the group."""
    outcome = np.repeat(episodes.score[:, None], episodes.messages.shape[1], axis=1)
    return _standardised(outcome, _by_agent(episodes), episodes.present)


def leave_one_out(episodes: Episodes, costs: Costs, flips: float = 0.0) -> Floats:
    """Difference rewards: the outcome minus that without the agent's messages, standardised by agent in the group."""
    agents = range(len(episodes.environment.agents))
    differences = np.stack(
        [episodes.score - regrade_without(episodes, agent, costs, flips) for agent in agents], axis=1
    )
    by_message = np.take_along_axis(differences, episodes.authors, axis=1)
    return _standardised(by_message, _by_agent(episodes), episodes.present)


def discounted(episodes: Episodes, costs: Costs, flips: float = 0.0) -> Floats:
    """Per-turn return: the outcome discounted by the rounds still to come, centred by turn, scaled by the group."""
    rounds = np.array([turn.round for turn in episodes.environment.turns])
    returns = episodes.score[:, None] * _DISCOUNT ** (rounds.max() - rounds)
    turns = episodes.messages.shape[1]
    by_turn = episodes.group[:, None] * turns + np.arange(turns)
    size = int(by_turn.max()) + 1
    count = np.maximum(np.bincount(by_turn[episodes.present], minlength=size), 1)
    mean = (np.bincount(by_turn[episodes.present], returns[episodes.present], size) / count)[by_turn]
    centred = returns - mean
    group = np.repeat(episodes.group[:, None], turns, axis=1)
    here = episodes.present
    square = np.bincount(group[here], centred[here] ** 2) / np.bincount(group[here])
    return np.asarray(centred / (np.sqrt(square[group]) + _EPSILON))


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline("grpo", "broadcast outcome (GRPO)", broadcast),
        Baseline("agent_wise", "agent-wise normalised outcome (Dr.MAS)", agent_wise),
        Baseline("leave_one_out", "leave-one-out difference rewards", leave_one_out),
        Baseline("discounted", "per-turn discounted outcome", discounted),
    )
}
