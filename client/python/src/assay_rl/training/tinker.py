"""Tinker cookbook (0.6): group rewards, and advantages message by message in the datums.

    class Riddles(AssayGroup, EnvGroupBuilder):
        credit = TeamCredit(evaluator=...)
        def teams(self, trajectories, envs): ...   # which environments are one rollout's agents, and what they wrote

    import tinker_cookbook.rl.train as train
    train.assemble_training_data = credited_training_data      # before train.main(...)

An EnvGroupBuilder's group is either the rollouts of a task or the players of a game; here it is both: each Team takes
the trajectories of its players, and the Teams are the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tinker import Datum, TensorData
from tinker_cookbook.rl.data_processing import trajectory_to_data
from tinker_cookbook.rl.types import PARSE_ERROR_MASKED_METRIC_KEY, Trajectory, TrajectoryGroup

from assay_rl.training.team import Credited, Team, TeamCredit, neutral, values_of_calls

ADVANTAGE, FAILED = "assay/advantage", "assay/failed"  # metrics of a transition


class AssayGroup:
    """For an EnvGroupBuilder: rewards of the group are X of each player, and each transition carries its advantage.

    Where an episode fails its trajectories get no advantage: their transitions carry none, and their reward is the mean
    of the others', which the cookbook's centring makes exactly 0 and which leaves the others' as they are.
    """

    credit: TeamCredit

    def teams(self, trajectories: list[Trajectory], envs: Sequence[Any]) -> list[Team]:
        """One Team a rollout; its samples are keyed by the place of a trajectory, a message for each transition."""
        raise NotImplementedError

    async def compute_group_rewards(
        self, trajectory_group: list[Trajectory], env_group: Sequence[Any]
    ) -> list[tuple[float, dict[str, float | int]]]:
        teams = self.teams(trajectory_group, env_group)
        (found,) = await self.credit.credit([[team.episode for team in teams]])
        rewards: list[float | None] = [None] * len(trajectory_group)
        for team, credited in zip(teams, found, strict=True):
            for place, written in team.samples.items():
                _mark(trajectory_group[place], credited, written)
                authors = {team.episode.messages[message].agent for message in written}
                rewards[place] = credited.only(next(iter(authors)) if len(authors) == 1 else "")
        told = zip(neutral(rewards), rewards, strict=True)
        return [(value, {FAILED: int(reward is None)}) for value, reward in told]


def _mark(trajectory: Trajectory, credited: Credited, written: Sequence[int]) -> None:
    if len(written) != len(trajectory.transitions):
        raise ValueError(f"{len(written)} messages for {len(trajectory.transitions)} transitions")
    for transition, value in zip(trajectory.transitions, values_of_calls(credited, written), strict=True):
        transition.metrics[ADVANTAGE] = value


def credited_training_data(
    trajectory_groups_P: list[TrajectoryGroup],  # noqa: N803 - the cookbook's names
    advantages_P: list[torch.Tensor],  # noqa: N803
    include_provenance: bool = True,
) -> tuple[list[Datum], list[dict[str, int]]]:
    """What the cookbook's assemble_training_data gives, with each transition's own advantage on its tokens.

    Trajectories that no Team marked keep the cookbook's advantage.
    """
    data: list[Datum] = []
    metadata: list[dict[str, int]] = []
    for group, (held, advantages) in enumerate(zip(trajectory_groups_P, advantages_P, strict=True)):
        for place, (trajectory, advantage) in enumerate(zip(held.trajectories_G, advantages, strict=True)):
            marked = all(ADVANTAGE in transition.metrics for transition in trajectory.transitions)
            found = trajectory_to_data(
                trajectory, 1.0 if marked else float(advantage), include_provenance=include_provenance
            )
            data += _with_advantages(trajectory, found) if marked else found
            metadata += [{"group_idx": group, "traj_idx": place}] * len(found)
    return data, metadata


def _with_advantages(trajectory: Trajectory, data: list[Datum]) -> list[Datum]:
    """The datums with the value of each transition where its tokens are: they follow one another in their order."""
    values = [
        transition.metrics[ADVANTAGE]
        for transition in trajectory.transitions
        if float(transition.metrics.get(PARSE_ERROR_MASKED_METRIC_KEY, 0.0)) < 1.0
        for _ in transition.ac.tokens
    ]
    taken = 0
    for datum in data:
        ones = datum.loss_fn_inputs["advantages"].to_torch()
        own = ones != 0
        count = int(own.sum())
        placed = torch.zeros_like(ones)
        placed[own] = torch.tensor(values[taken : taken + count], dtype=ones.dtype)
        datum.loss_fn_inputs["advantages"] = TensorData.from_torch(placed)
        taken += count
    if taken != len(values):
        raise ValueError(f"{len(values)} sampled tokens, of which {taken} are targets: an observation is empty")
    return data
