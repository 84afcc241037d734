"""SkyRL (0.4), trajectories in one sequence: token rewards that carry the credit, and an advantage estimator.

    import assay_rl.training.skyrl                          # registers the estimator
    trainer.algorithm.advantage_estimator=assay

    async def generate(self, input_batch):                  # of your generator
        output = await ...
        return await credited_output(output, teams, TeamCredit(evaluator=..., scale="SAMPLE", epsilon=1e-6))

An estimator is given token rewards only, so that is where the credit travels (token_rewards.py): a row still sums to
the episode's score for SkyRL's metrics and its other estimators. Step-wise trajectories broadcast the last step's
advantage to all steps: a row for each message would lose its credit there, so they are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry, register_advantage_estimator

from assay_rl.training.team import Team, TeamCredit
from assay_rl.training.token_rewards import decode, encode
from assay_rl.training.tokens import spans_from_mask

NAME = "assay"


async def credited_output(
    output: dict[str, Any], groups: Sequence[Sequence[Team]], credit: TeamCredit
) -> dict[str, Any]:
    """A GeneratorOutput with token rewards.

    groups: the rollouts of each prompt. A Team's samples are keyed by row, and say which message each run of the row's
    loss mask is: several agents of one rollout are several rows. A row of a failed episode has an empty loss mask, and
    is so left out of SkyRL's groups as well; nobody is trained on its reward.
    """
    if output.get("is_last_step") is not None:
        raise ValueError("step-wise trajectories are not supported: SkyRL gives all steps the last one's advantage")
    rows: list[list[float] | None] = [None] * len(output["response_ids"])
    masks = [list(mask) for mask in output["loss_masks"]]
    for teams, found in zip(groups, await credit.credit([[t.episode for t in g] for g in groups]), strict=True):
        for team, credited in zip(teams, found, strict=True):
            for row, written in team.samples.items():
                length = len(masks[row])
                if credited.advantages is None or credited.score is None:
                    rows[row], masks[row] = [0.0] * length, [0] * length
                    continue
                spans = spans_from_mask(masks[row], written)
                if spans:  # what follows the last message is not trained on: it may look like its part
                    spans[-1] = replace(spans[-1], end=length)
                rows[row] = encode(credited.score, credited.messages, spans, [1] * length)
    missing = [row for row, found_row in enumerate(rows) if found_row is None]
    if missing:
        raise ValueError(f"no rollout holds rows {missing[:8]}")
    return {**output, "rewards": rows, "loss_masks": masks}


def compute_assay_advantage(
    token_level_rewards: torch.Tensor, response_mask: torch.Tensor, **unused: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages (batch, response length) that credited_output() put into the token rewards; returns are the same."""
    masks = response_mask.long().tolist()
    found = [decode(row, mask) for row, mask in zip(token_level_rewards.tolist(), masks, strict=True)]
    advantages = torch.tensor(found, dtype=token_level_rewards.dtype, device=token_level_rewards.device)
    return advantages, advantages


if NAME not in AdvantageEstimatorRegistry.list_available():
    register_advantage_estimator(NAME)(compute_assay_advantage)
