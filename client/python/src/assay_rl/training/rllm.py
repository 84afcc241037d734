"""rLLM: advantages of every response token on the steps of a task's rollouts.

    kept = await credit_rollouts(rollouts, TeamCredit(evaluator=..., scale="SAMPLE"))

with `rllm.algorithm.use_precomputed_advantage=true`; otherwise rLLM overwrites them. One trajectory for each agent, one
step for each of its messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.training.team import TeamCredit

Rollout = tuple[Episode, Sequence[tuple[Any, int]]]


async def credit_rollouts(rollouts: Sequence[Rollout], credit: TeamCredit) -> list[Rollout]:
    """Sets `step.advantage` (a value for each of `step.response_ids`) and `step.reward`.

    rollouts: of one task, each its episode and which message each step wrote. Returns those that have advantages: leave
    the others out of the training batch, because rLLM counts a step of zeros in its averages.
    """
    (found,) = await credit.credit([[episode for episode, _ in rollouts]])
    kept = []
    for rollout, credited in zip(rollouts, found, strict=True):
        if credited.advantages is None or credited.signals is None:
            continue
        for step, message in rollout[1]:
            step.advantage = [credited.messages.get(message, 0.0)] * len(step.response_ids)
            step.reward = credited.signals.rewards.get(message, 0.0)
        kept.append(rollout)
    return kept
