"""OpenEnv (0.10): a trajectory rubric whose outcome is the episode's and whose steps are rewarded message by message.

class Riddles(AssayRubric):
    def build(self, trajectory): ...     # -> the episode, and the message that each step wrote (None: none)

rubric = Riddles(TeamCredit(evaluator=...))
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from openenv.core.rubrics.trajectory import TrajectoryRubric

from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import EpisodeError
from assay_rl.training.team import Credited, TeamCredit

Trajectory = list[tuple[Any, Any]]


class AssayRubric(TrajectoryRubric):  # type: ignore[misc]
    """Rewards of steps are the signals' rewards of their messages. Raises EpisodeError where the episode has none."""

    def __init__(self, credit: TeamCredit, intermediate_reward: float = 0.0) -> None:
        super().__init__(intermediate_reward=intermediate_reward)
        self.credit = credit
        self._answered: tuple[int, Credited, Sequence[int | None]] | None = None

    @abstractmethod
    def build(self, trajectory: Trajectory) -> tuple[Episode, Sequence[int | None]]:
        """The episode of a trajectory, with its outcome unless the evaluator tells it, and each step's message."""

    def score_trajectory(self, trajectory: Trajectory) -> float:
        """The score of the episode. Raises EpisodeError where it has no signals: no number is made up."""
        score = self._credited(trajectory)[0].score
        assert score is not None
        return score

    def compute_step_rewards(self) -> list[float]:
        """The reward of each step's message; 0 for steps that wrote none."""
        credited, written = self._credited(self.trajectory)
        assert credited.signals is not None
        rewards = credited.signals.rewards
        return [0.0 if message is None else rewards.get(message, 0.0) for message in written]

    def reset(self) -> None:
        super().reset()
        self._answered = None

    def _credited(self, trajectory: Trajectory) -> tuple[Credited, Sequence[int | None]]:
        """One question an episode, however often it is looked at."""
        if self._answered is None or self._answered[0] != len(trajectory):
            episode, written = self.build(trajectory)
            if len(written) != len(trajectory):
                raise ValueError(f"build() told the messages of {len(written)} steps; there are {len(trajectory)}")
            ((credited,),) = self.credit.credit_now([[episode]])
            if credited.signals is None:
                assert credited.error is not None
                raise EpisodeError(credited.error)
            self._answered = (len(trajectory), credited, written)
        return self._answered[1], self._answered[2]
