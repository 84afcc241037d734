"""AReaL (1.0): a workflow that plays a group of rollouts and gives every interaction its message's advantage.

    class Riddles(AssayWorkflow, RolloutWorkflow):
        async def play(self, engine, data): ...    # -> client, episode, {message: id of the interaction that wrote it}

    workflow = Riddles(TeamCredit(evaluator=..., scale="SAMPLE"), group_size=8)

AReaL's own reward normalisation would overwrite what is set here, and its discount count rewards twice: `check(config)`
says which settings of the actor do so. With `group_size: 1` in AReaL's configuration, as the group is played here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.training.team import TeamCredit

log = logging.getLogger("assay_rl")


class AssayWorkflow:
    """For a RolloutWorkflow. The reward of an interaction is the advantage of the message that it wrote.

    With gamma = lambda = 1 and no critic, AReaL's advantage of each of its tokens is that reward. Interactions of a
    failed episode are left out, and so is a group in which none has signals (None rejects it).
    """

    def __init__(self, credit: TeamCredit, group_size: int = 8) -> None:
        self.credit, self.group_size = credit, group_size

    async def play(self, engine: Any, data: dict[str, Any]) -> tuple[Any, Episode, Mapping[int, str]]:
        """One rollout of the team on an ArealOpenAI client; the episode has its outcome, or the evaluator tells it."""
        raise NotImplementedError

    async def arun_episode(self, engine: Any, data: dict[str, Any]) -> dict[str, Any] | None:
        played = await asyncio.gather(*(self.play(engine, dict(data)) for _ in range(self.group_size)))
        (found,) = await self.credit.credit([[episode for _, episode, _ in played]])
        kept: dict[str, Any] = {}
        for (client, _, written), credited in zip(played, found, strict=True):
            if credited.advantages is None:
                continue
            for message, interaction in written.items():
                client.set_reward(interaction, credited.messages.get(message, 0.0))
            exported = client.export_interactions(style="individual")  # "concat" keeps the last reward only
            kept.update({key: held for key, held in exported.items() if key in written.values()})
        return kept or None


def check(actor: Any) -> list[str]:
    """What in the actor's configuration changes the advantages that were set, one sentence each; also logged."""
    found = []
    if getattr(actor, "reward_norm", None):
        found.append("actor.reward_norm normalises the advantages once more: leave it out")
    if getattr(actor, "adv_norm", None):
        found.append("actor.adv_norm whitens advantages over tokens: leave it out, or keep the group's comparison lost")
    if (getattr(actor, "reward_bias", 0.0), getattr(actor, "reward_scaling", 1.0)) != (0.0, 1.0):
        found.append("actor.reward_bias and actor.reward_scaling change the advantages: 0 and 1")
    if (getattr(actor, "discount", 1.0), getattr(actor, "gae_lambda", 1.0)) != (1.0, 1.0):
        found.append("actor.discount and actor.gae_lambda below 1 discount a message's own tokens: 1 and 1")
    if getattr(actor, "overlong_reward_penalty", False):
        found.append("actor.overlong_reward_penalty is subtracted from the advantages")
    for sentence in found:
        log.warning("AReaL: %s", sentence)
    return found
