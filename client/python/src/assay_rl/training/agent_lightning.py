"""Agent Lightning (1.0): a hook that gives each finished rollout its reward.

    # hooks.py, of which Agent Lightning takes the one subclass of RolloutHooks
    from assay_rl.training import agent_lightning
    from assay_rl.training.team import TeamCredit

    class Hooks(agent_lightning.AssayHooks):
        credit = TeamCredit(evaluator=...)
        agent = "writer"                           # whose policy is trained; "" for the team's score

        def build(self, rollout, events): ...      # -> the episode

A hook sees one rollout and gives it one number, which Agent Lightning normalises over the rollouts of a sample. With an
agent it is the score less the team's value without the agent, where the signals know it: no advantage is biased by it.
"""

from __future__ import annotations

import logging
from typing import Any

from agentlightning.hooks import RolloutHooks

from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import EpisodeError
from assay_rl.training.team import TeamCredit, difference_reward

log = logging.getLogger("assay_rl")


class AssayHooks(RolloutHooks):  # type: ignore[misc]
    """Writes the reward event of a rollout that succeeded.

    Where the episode has no signals the hook raises and no event is written. Agent Lightning logs that, and then puts
    `agentlightning.reward_fillna_value` (0 by default) in its place, which it offers no way to prevent: have the agent
    itself end the rollout as failed where an outcome cannot be had.
    """

    credit: TeamCredit
    agent = ""

    def build(self, rollout: Any, events: dict[str, list[Any]]) -> Episode | None:
        """The episode of a rollout by its events, with its outcome unless the evaluator tells it; None: no reward."""
        raise NotImplementedError

    def on_succeeded(self, rollout: Any, events: dict[str, list[Any]], store: Any) -> None:
        episode = self.build(rollout, events)
        if episode is None:
            return
        ((credited,),) = self.credit.credit_now([[episode]])
        if credited.signals is None:
            assert credited.error is not None
            raise EpisodeError(credited.error)
        told = {"value": difference_reward(credited.signals, self.agent), "source": "agent", "reason": "assay"}
        store.add_event(rollout.rollout_id, rollout.status.last_attempt_id or "0", "reward", told)
