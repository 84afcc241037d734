"""What is too large to sum up: rollouts of every node, whose groups are drawn, and learning from groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay_rl import Client
from decision_processes.oracle import exact_gradient, sine
from decision_processes.processes import Floats, Process, Trajectory
from decision_processes.rules import Asked, Computed, prepare
from decision_processes.service import advantages_with_rollouts


def _draw(process: Process, policy: Floats, count: int, rng: np.random.Generator) -> list[Trajectory]:
    ways = process.trajectories(policy)
    chances = np.array([trajectory.probability for trajectory in ways])
    return [ways[k] for k in rng.choice(len(ways), count, p=chances / chances.sum())]


@dataclass(frozen=True)
class Estimated:
    """As oracle.Measured, from groups that were drawn. error_of_error: length of the sampling error of the mean, over
    the mean's: an error below it is no error."""

    error: float
    error_of_error: float
    noise: float


def _estimated(estimates: Floats, exact: Floats) -> Estimated:
    """estimates [groups, states]"""
    mean = estimates.mean(axis=0)
    variance = float(estimates.var(axis=0, ddof=1).sum())
    square = max(float(mean @ mean) - variance / len(estimates), 1e-300)
    return Estimated(sine(mean, exact), math.sqrt(variance / len(estimates) / square), variance / square)


def with_rollouts(
    client: Client, process: Process, policy: Floats, rollouts: int, size: int, groups: int, seed: int
) -> tuple[Estimated, Estimated]:
    """Groups of `size` whose nodes were rolled out: the defaults, and the plain differences of the node's rates."""
    rng = np.random.default_rng(seed)
    drawn = [_draw(process, policy, size, rng) for _ in range(groups)]
    derivatives = [[_derivatives(process, policy, trajectory, rng) for trajectory in group] for group in drawn]
    exact = exact_gradient(process, policy)
    found = advantages_with_rollouts(client, process, drawn, rollouts, rng)
    results = [_estimated(_gradients(advantages, derivatives), exact) for advantages in found]
    return results[0], results[1]


def _derivatives(process: Process, policy: Floats, trajectory: Trajectory, rng: np.random.Generator) -> Floats:
    """Of log pi of each message, [T, states]; what an idle turn said is drawn here."""
    derivative = np.zeros((len(trajectory.turns), process.states))
    for place, turn in enumerate(trajectory.turns):
        p = policy[turn.choice.state]
        action = rng.random() < p if turn.choice.idle else turn.action
        derivative[place, turn.choice.state] = action - p
    return derivative


def _gradients(advantages: Sequence[Sequence[Floats]], derivatives: Sequence[Sequence[Floats]]) -> Floats:
    return np.array(
        [
            np.mean([a @ d for a, d in zip(group, directions, strict=True)], axis=0)
            for group, directions in zip(advantages, derivatives, strict=True)
        ]
    )


def learn(
    client: Client, process: Process, rule: Asked | Computed, seeds: Sequence[int], step: float, iterations: int
) -> list[float]:
    """Expected score of each seed's policy after so many steps on groups of 8; all start undecided."""
    uniform = np.full(process.states, 0.5)
    prepared = prepare(rule, process, uniform, client)
    logits = np.zeros((len(seeds), process.states))
    generators = [np.random.default_rng(seed) for seed in seeds]
    for _ in range(iterations):
        policies = 1 / (1 + np.exp(-logits))
        groups = [_draw(process, policy, 8, rng) for policy, rng in zip(policies, generators, strict=True)]
        answered = prepared.advantages([[prepared.class_of[t.identity] for t in group] for group in groups])
        for run, (group, told) in enumerate(zip(groups, answered, strict=True)):
            for trajectory, a in zip(group, told, strict=True):
                for turn, advantage in zip(trajectory.turns, a, strict=True):
                    logits[run, turn.choice.state] += (
                        step / 8 * advantage * (turn.action - policies[run, turn.choice.state])
                    )
    policies = 1 / (1 + np.exp(-logits))
    return [sum(t.probability * t.score for t in process.trajectories(policy)) for policy in policies]
