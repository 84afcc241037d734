"""Three small decision processes in which everything is known exactly: the policy gradient, the value of every node,
and what the score would have been without a message.

A process is a tree. Whoever's turn it is decides between two messages, with a probability that depends on the state the
decision is made in, and nothing else is random but the luck of the episode, which is drawn once. A policy is tabular:
`policy[s]` is the probability of action 1 in state s, the sigmoid of its one parameter. Scores lie in [0, 1].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A turn about to be taken: its author, the state in which it is decided, and what the two actions say.

    idle: nothing that follows depends on the action, neither messages nor the score.
    """

    agent: str
    state: int
    texts: tuple[str, str]
    idle: bool = False


@dataclass(frozen=True)
class Turn:
    """A message that was sent. before: probability of success at the node in front of it."""

    choice: Choice
    action: int
    before: float


@dataclass(frozen=True)
class Trajectory:
    """One way in which an episode can go. end: probability of success behind the last message, before luck speaks."""

    turns: tuple[Turn, ...]
    luck: int
    score: float
    end: float
    probability: float

    @property
    def identity(self) -> tuple[tuple[int, ...], int]:
        """Unlike that of every other trajectory of its process."""
        return tuple(turn.action for turn in self.turns), self.luck


class Process(ABC):
    """agents: everybody who may speak. states: number of decision states, which is the number of parameters. luck: the
    probabilities of the values that the luck of an episode takes; one value is no luck at all."""

    name: ClassVar[str]
    title: ClassVar[str]
    agents: ClassVar[tuple[str, ...]]
    luck: ClassVar[tuple[float, ...]] = (1.0,)
    states: int

    @abstractmethod
    def choice(self, taken: Sequence[int]) -> Choice | None:
        """The turn that follows the actions taken so far; None where the episode is over."""

    @abstractmethod
    def grade(self, actions: Sequence[int | None], luck: int) -> float:
        """Score of a finished episode of whose messages those that are None were left out; the others stand as they
        were sent."""

    @abstractmethod
    def judge(self, choice: Choice, action: int) -> float:
        """What a good judge says of a message who sees it alone: a process score in [-1, 1]."""

    def trajectories(self, policy: Floats) -> list[Trajectory]:
        """All ways in which an episode can go that differ in anything: of idle turns action 1 stands for both."""
        return list(self._extend(policy, []))

    def _extend(self, policy: Floats, taken: list[tuple[Choice, int]]) -> Iterator[Trajectory]:
        """All trajectories that begin like so; their probabilities are those from here on."""
        actions = [action for _, action in taken]
        choice = self.choice(actions)
        if choice is None:
            end = self._mean(actions)
            for luck, probability in enumerate(self.luck):
                yield Trajectory((), luck, self.grade(actions, luck), end, probability)
            return
        found: list[tuple[int, Trajectory]] = []
        for action in (1,) if choice.idle else (0, 1):
            share = 1.0 if choice.idle else policy[choice.state] if action else 1.0 - policy[choice.state]
            for rest in self._extend(policy, [*taken, (choice, action)]):
                found.append((action, _scaled(rest, share)))
        before = sum(rest.probability * rest.score for _, rest in found)
        for action, rest in found:
            turns = (Turn(choice, action, before), *rest.turns)
            yield Trajectory(turns, rest.luck, rest.score, rest.end, rest.probability)

    def _mean(self, actions: Sequence[int | None]) -> float:
        return sum(share * self.grade(actions, luck) for luck, share in enumerate(self.luck))


def _scaled(trajectory: Trajectory, share: float) -> Trajectory:
    t = trajectory
    return Trajectory(t.turns, t.luck, t.score, t.end, t.probability * share)


class Repair(Process):
    """A mistake that is repaired: a planner plans well or badly, a builder builds well or badly without looking at the
    plan, and a reviewer, who sees whether the plan was bad, repairs it or approves.

    Solved if the plan was good or repaired, and the building is good. A plan that is left out misleads nobody.
    """

    name = "repair"
    title = "a mistake that is repaired"
    states = 4
    agents = ("planner", "builder", "reviewer")
    _texts = (("a bad plan", "a good plan"), ("a bad build", "a good build"), ("approved", "the plan is repaired"))

    def choice(self, taken: Sequence[int]) -> Choice | None:
        turn = len(taken)
        if turn == 3:
            return None
        state = 2 + taken[0] if turn == 2 else turn
        return Choice(self.agents[turn], state, self._texts[turn])

    def grade(self, actions: Sequence[int | None], luck: int) -> float:
        plan, build, review = actions
        return float((plan != 0 or review == 1) and build == 1)

    def judge(self, choice: Choice, action: int) -> float:
        if choice.state == 3:  # nothing was there to repair
            return 0.0
        return 0.8 if action else -0.8


class Delayed(Process):
    """A delayed effect among distractors: the first message decides how likely success is, and whatever the others say
    until the end has no effect. Luck: in 1 of 4 episodes anything succeeds, in 1 of 4 nothing."""

    name = "delayed"
    title = "a delayed effect among distractors"
    luck = (0.25, 0.5, 0.25)
    agents = ("planner", "helper 1", "helper 2", "helper 3")

    def __init__(self, horizon: int) -> None:
        self.states = horizon

    def choice(self, taken: Sequence[int]) -> Choice | None:
        turn = len(taken)
        if turn == self.states:
            return None
        if turn == 0:
            return Choice("planner", 0, ("take the wrong road", "take the right road"))
        return Choice(self.agents[1 + (turn - 1) % 3], turn, (f"remark {turn}", f"other remark {turn}"), idle=True)

    def grade(self, actions: Sequence[int | None], luck: int) -> float:
        return float(luck == 0 or (luck == 1 and actions[0] == 1))

    def judge(self, choice: Choice, action: int) -> float:
        if choice.idle:
            return 0.0
        return 0.8 if action else -0.8


class Horizon(Process):
    """A variable horizon with optional turns: one agent thinks on for as long as it says "Continue.", and is graded
    when it says "Done." or has had all its turns. Fewer than two further thoughts fail, two succeed in half of the
    episodes, three always, and with four it talks itself out of the answer in half of them. A thought that is left out
    is where the thinking ends, as what follows it rests on it."""

    name = "horizon"
    title = "a variable horizon with optional turns"
    luck = (0.5, 0.5)
    agents = ("solver",)
    _enough: ClassVar[tuple[int, ...]] = (0, 0, 1, 2, 1)  # of the two kinds of luck, after so many thoughts
    states = len(_enough) - 1

    def choice(self, taken: Sequence[int]) -> Choice | None:
        if (taken and taken[-1] == 0) or len(taken) == self.states:
            return None
        return Choice("solver", len(taken), ("Done.", "Continue."))

    def grade(self, actions: Sequence[int | None], luck: int) -> float:
        thoughts = next((k for k, action in enumerate(actions) if action != 1), len(actions))
        return float(luck < self._enough[thoughts])

    def judge(self, choice: Choice, action: int) -> float:
        goal = max(range(len(self._enough)), key=lambda thoughts: self._enough[thoughts])
        return 0.8 if action == (choice.state < goal) else -0.8
