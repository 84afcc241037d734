"""ART (openpipe-art 0.5): rewards of a TrajectoryGroup from the signals of its rollouts.

    team = TeamCredit(evaluator=...)
    group = await assay_score_group(group, build, team)

ART takes one reward a trajectory and normalises it over the group itself. A trajectory gets X of its agent, whose mean
is 0 in the group already, so that centring leaves it as it is and dividing keeps its order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import art

from assay_rl.client.episodes import Episode
from assay_rl.training.team import TeamCredit

log = logging.getLogger("assay_rl")

ROLLOUT, AGENT = "assay_rollout", "assay_agent"  # metadata of a trajectory


async def assay_score_group(
    group: art.TrajectoryGroup, build: Callable[[Sequence[art.Trajectory]], Episode], credit: TeamCredit
) -> art.TrajectoryGroup:
    """The group with rewards, less the trajectories of failed episodes, which become its exceptions.

    Trajectories with the same metadata ROLLOUT are the agents of one rollout, each naming its agent in AGENT; without
    it a trajectory is a rollout by itself. build: the trajectories of a rollout -> its episode, with its outcome unless
    the evaluator tells it.
    """
    rollouts: dict[Any, list[art.Trajectory]] = {}
    for number, trajectory in enumerate(group.trajectories):
        rollouts.setdefault(trajectory.metadata.get(ROLLOUT, ("", number)), []).append(trajectory)
    (found,) = await credit.credit([[build(held) for held in rollouts.values()]])
    kept: list[art.Trajectory] = []
    failures = list(group.exceptions)
    for held, credited in zip(rollouts.values(), found, strict=True):
        for trajectory in held:
            value = credited.only(str(trajectory.metadata.get(AGENT, "")))
            if value is None:
                failures.append(
                    _exception(f"no signals for this rollout: {credited.error or 'its agent said nothing'}")
                )
                continue
            trajectory.reward = value
            if credited.signals is not None:
                trajectory.metrics["assay_score"] = credited.signals.score
            kept.append(trajectory)
    return art.TrajectoryGroup(
        kept, exceptions=failures, metadata=dict(group.metadata), metrics=dict(group.metrics), logs=list(group.logs)
    )


def _exception(told: str) -> Any:
    return RuntimeError(told)
