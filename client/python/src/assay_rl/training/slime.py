"""slime: a reward function for whole groups, and advantages message by message.

    # assay_slime.py
    from assay_rl.training.slime import Slime
    slime = Slime(TeamCredit(evaluator=...))
    group_rm, advantages = slime.group_rm, slime.advantages

    --group-rm --custom-rm-path assay_slime.group_rm --custom-advantage-function-path assay_slime.advantages

Your `--custom-generate-function-path` puts `assay_episode` (`Episode.to_json()`, the same for all samples of a rollout)
and `assay_spans` ([[message, start, end], ...] within the response) into each sample's metadata. Leave
`--normalize-advantages` off: whitening over the batch undoes the comparison within groups.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.training.team import Credited, TeamCredit, neutral
from assay_rl.training.tokens import Span, place

log = logging.getLogger("assay_rl")

EPISODE, SPANS, ADVANTAGES = "assay_episode", "assay_spans", "assay_advantages"


class Slime:
    """One group a call: slime hands over the samples of a prompt."""

    def __init__(self, credit: TeamCredit) -> None:
        self.credit = credit

    async def group_rm(self, args: Any, samples: Sequence[Any]) -> list[float]:
        """X of each sample's agent; its tokens' advantages wait in the sample's metadata.

        Samples with one `rollout_id` are agents of one rollout. Where an episode fails, `remove_sample` empties the
        loss mask, and the reward is the others' mean, so that theirs are compared as if it were not there.
        """
        rollouts: dict[Any, list[Any]] = {}
        for sample in samples:
            known = getattr(sample, "rollout_id", None)
            rollouts.setdefault(sample.index if known is None else known, []).append(sample)
        episodes = [Episode.from_json(held[0].metadata[EPISODE]) for held in rollouts.values()]
        (found,) = await self.credit.credit([episodes])
        rewards: dict[int, float | None] = {}
        for held, credited in zip(rollouts.values(), found, strict=True):
            for sample in held:
                rewards[id(sample)] = _mark(sample, credited)
        return neutral([rewards[id(sample)] for sample in samples])

    def advantages(self, args: Any, rollout_data: dict[str, Any]) -> None:
        """Sets `advantages` and `returns` of a rollout batch: for `--custom-advantage-function-path`.

        Needs the samples' metadata on the training workers (`rollout_data["metadata"]`), one row a sample.
        """
        import torch

        rows = [held.get(ADVANTAGES) for held in rollout_data["metadata"]]
        masks = rollout_data["loss_masks"]
        rollout_data["advantages"] = [
            torch.tensor(row if row is not None else [0.0] * len(mask), dtype=torch.float32, device=mask.device) * mask
            for row, mask in zip(rows, masks, strict=True)
        ]
        rollout_data["returns"] = [row.clone() for row in rollout_data["advantages"]]


def _mark(sample: Any, credited: Credited) -> float | None:
    if credited.advantages is None:
        sample.remove_sample = True
        return None
    spans = [Span(*span) for span in sample.metadata[SPANS]]
    sample.metadata[ADVANTAGES] = place(credited.messages, spans, sample.response_length)
    authors = {credited.episode.messages[span.message].agent for span in spans}
    return credited.only(next(iter(authors)) if len(authors) == 1 else "")
