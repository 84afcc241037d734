"""What an advantage does to learning, exactly: the mean and the noise of the policy gradient that it makes, against the
gradient of the expected score.

Everything is summed over all groups that can occur. Trajectories that look alike to whoever makes the advantages are
one *class*, so that groups are multisets of few classes; what differs within a class is only which state a message was
written in and which action was taken, and that is averaged exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np

from decision_processes.processes import Floats, Process, Trajectory

# Advantages of groups of class indices: of each group, of each member, one a message.
Advantages = Callable[[Sequence[Sequence[int]]], Sequence[Sequence[Floats]]]

_LARGEST_GROUP = 1024
_ZERO = 1e-9  # of a gradient's length: smaller components have no sign


def exact_gradient(process: Process, policy: Floats) -> Floats:
    """Derivatives of the expected score by the parameters, [states]: the score-function identity, summed up."""
    gradient = np.zeros(process.states)
    for trajectory in process.trajectories(policy):
        for turn in trajectory.turns:
            if not turn.choice.idle:
                gradient[turn.choice.state] += (
                    trajectory.probability * trajectory.score * (turn.action - policy[turn.choice.state])
                )
    return gradient


@dataclass(frozen=True)
class Class:
    """Trajectories that get the same advantages.

    scores [T, states]: mean of the derivative of log pi of each message. products [T, T]: mean of the inner products of
    those derivatives.
    """

    example: Trajectory
    probability: float
    scores: Floats
    products: Floats


def classes(
    process: Process, policy: Floats, trajectories: Sequence[Trajectory], keys: Sequence[Hashable]
) -> list[Class]:
    """One class a key, in the order of first appearance; keys: one a trajectory."""
    members: dict[Hashable, list[Trajectory]] = {}
    for trajectory, key in zip(trajectories, keys, strict=True):
        members.setdefault(key, []).append(trajectory)
    return [_merged(process, policy, alike) for alike in members.values()]


def _merged(process: Process, policy: Floats, alike: Sequence[Trajectory]) -> Class:
    total = sum(trajectory.probability for trajectory in alike)
    turns = len(alike[0].turns)
    scores, products = np.zeros((turns, process.states)), np.zeros((turns, turns))
    for trajectory in alike:
        share = trajectory.probability / total
        derivative, free = np.zeros((turns, process.states)), np.zeros(turns)
        for place, turn in enumerate(trajectory.turns):
            p = policy[turn.choice.state]
            if turn.choice.idle:  # both actions, by their probabilities: mean 0
                free[place] = p * (1 - p)
            else:
                derivative[place, turn.choice.state] = turn.action - p
        scores += share * derivative
        products += share * (derivative @ derivative.T + np.diag(free))
    return Class(alike[0], total, scores, products)


@dataclass(frozen=True)
class Measured:
    """error: sine of the angle between the mean of the estimate and the exact gradient, in [0, 1]. noise: variance of
    the estimate of one group over the squared length of its mean. wrong: number of states that the mean pushes the
    other way than the exact gradient does."""

    error: float
    noise: float
    wrong: int


def _measured(mean: Floats, square: float, exact: Floats) -> Measured:
    length = float(np.linalg.norm(mean))
    limit = _ZERO * float(np.linalg.norm(exact))
    wrong = int(((mean * exact < 0) & (abs(exact) > limit) & (abs(mean) > _ZERO * length)).sum())
    return Measured(sine(mean, exact), max(square - length**2, 0.0) / length**2 if length > 0 else math.inf, wrong)


def sine(a: Floats, b: Floats) -> float:
    """Of the angle between two vectors; 1 where either is 0 or they point apart."""
    cosine = float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-300)
    return math.sqrt(max(0.0, 1.0 - cosine**2)) if cosine > 0 else 1.0


def in_groups_of(size: int, found: Sequence[Class], advantages: Advantages, exact: Floats) -> Measured:
    """Over all groups of `size` independent episodes, each with its exact probability."""
    groups = [list(group) for group in combinations_with_replacement(range(len(found)), size)]
    mean, square = np.zeros(len(exact)), 0.0
    for group, answered in zip(groups, advantages(groups), strict=True):
        weight = _multinomial(group, [c.probability for c in found])
        estimate, spread = np.zeros(len(exact)), 0.0
        for member, a in zip(group, answered, strict=True):
            toward = a @ found[member].scores
            estimate += toward
            spread += float(a @ found[member].products @ a) - float(toward @ toward)
        mean += weight * estimate / size
        square += weight * (float(estimate @ estimate) + spread) / size**2
    return _measured(mean, square, exact)


def _multinomial(group: Sequence[int], probabilities: Sequence[float]) -> float:
    weight = float(math.factorial(len(group)))
    for member in set(group):
        count = group.count(member)
        weight *= probabilities[member] ** count / math.factorial(count)
    return weight


def in_a_large_group(found: Sequence[Class], advantages: Advantages, exact: Floats) -> Measured:
    """In the limit of large groups: one group that holds every class exactly as often as it occurs. The noise is that
    of one episode of it."""
    shares = [Fraction(c.probability).limit_denominator(_LARGEST_GROUP) for c in found]
    if any(abs(float(s) - c.probability) > 1e-12 for s, c in zip(shares, found, strict=True)):
        raise ValueError(f"the probabilities are no multiples of 1/n for any n up to {_LARGEST_GROUP}")
    size = math.lcm(*(share.denominator for share in shares))
    group = [place for place, share in enumerate(shares) for _ in range(int(share * size))]
    (answered,) = advantages([group])
    mean, square = np.zeros(len(exact)), 0.0
    for member, a in zip(group, answered, strict=True):
        mean += a @ found[member].scores / size
        square += float(a @ found[member].products @ a) / size
    return _measured(mean, square, exact)
