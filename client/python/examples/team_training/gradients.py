"""How noisy and how well directed the gradient estimate of a method is, at given policies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from team_training.baselines import BASELINES
from team_training.environments import ENVIRONMENTS, TASKS, Floats
from team_training.methods import Method
from team_training.policies import Policies, initial_logits
from team_training.rollouts import Costs, Player
from team_training.signals_source import AdvantageSource
from team_training.trainers import GROUP, Examiner, advantages

_REFERENCE_GROUP = 4096
_HALFWAY = 0.5
_PATIENCE = 1000  # iterations


@dataclass
class GradientNoise:
    """variance_ratio: total variance of the gradient of one group over the squared length of its expectation.
    alignment: cosine between that expectation and the gradient of the expected score. place: which policies, and
    value: their expected score."""

    environment: str
    place: str
    method: str
    value: float
    variance_ratio: float
    alignment: float


def gradient_noise(
    methods: Sequence[Method], environment_name: str, seed: int, groups: int, source: AdvantageSource | None
) -> list[GradientNoise]:
    """Of every method, from `groups` groups of each task, at the policies of one team before and during training."""
    found = []
    for place, logits in _policies_at(environment_name, seed).items():
        truth, value = _true_gradient(environment_name, logits)
        for method in methods:
            ratio, alignment = _measure(method, environment_name, logits, truth, groups, source)
            found.append(GradientNoise(environment_name, place, method.name, value, ratio, alignment))
    return found


def _policies_at(environment_name: str, seed: int) -> dict[str, Floats]:
    """Logits of one team before training and when, trained on the broadcast outcome, it first solves half."""
    environment = ENVIRONMENTS[environment_name]
    policies = Policies(initial_logits(environment, seed)[None])
    logits = {"start": policies.logits[0].copy()}
    player, examiner, costs = Player(environment, [seed]), Examiner(environment, [seed]), Costs.none(1)
    for _ in range(_PATIENCE):
        if examiner.examine(policies)[0][0] >= _HALFWAY:
            break
        episodes = player.groups(policies, 16 * GROUP)
        weight = BASELINES["grpo"].rule(episodes, costs, 0.0) / len(episodes)
        policies.ascend(episodes.gradient(policies, weight), 1.0)
    logits["halfway"] = policies.logits[0].copy()
    return logits


def _measure(
    method: Method,
    environment_name: str,
    logits: Floats,
    truth: Floats,
    groups: int,
    source: AdvantageSource | None,
) -> tuple[float, float]:
    environment = ENVIRONMENTS[environment_name]
    tasks = np.repeat(np.arange(TASKS), groups)
    seeds = list(range(len(tasks)))
    policies = Policies(np.repeat(logits[None], len(tasks), axis=0))
    episodes = Player(environment, seeds, purpose=3).groups(policies, GROUP, np.repeat(tasks, GROUP))
    weight = advantages(method, episodes, policies, Costs.none(len(tasks)), source) / GROUP
    estimates = episodes.gradient(policies, weight).reshape(TASKS, groups, -1)
    mean = estimates.mean(axis=1)
    variance = float(((estimates - mean[:, None]) ** 2).sum(axis=(1, 2)).mean() / (groups - 1))
    # The squared length of an average of few estimates is too long by their variance.
    squared = float((mean**2).sum(axis=1).mean()) - variance / groups
    pooled = mean.ravel()
    alignment = float(pooled @ truth / max(np.linalg.norm(pooled) * np.linalg.norm(truth), 1e-12))
    return variance / squared if squared > 0 else math.inf, alignment


def _true_gradient(environment_name: str, logits: Floats) -> tuple[Floats, float]:
    """Gradient of the expected score, task by task, by REINFORCE with a baseline on many episodes; and the value."""
    environment = ENVIRONMENTS[environment_name]
    policies = Policies(np.repeat(logits[None], TASKS, axis=0))
    player = Player(environment, list(range(TASKS)), purpose=4)
    total = np.zeros_like(policies.logits)
    scores = []
    for _ in range(4):
        episodes = player.groups(policies, _REFERENCE_GROUP, np.repeat(np.arange(TASKS), _REFERENCE_GROUP))
        by_run = episodes.score.reshape(TASKS, -1)
        centred = (by_run - by_run.mean(axis=1, keepdims=True)).ravel()
        total += episodes.gradient(policies, np.repeat(centred[:, None], episodes.messages.shape[1], axis=1))
        scores.append(episodes.score.mean())
    return total.ravel(), float(np.mean(scores))
