"""The environments: five small tasks for teams in which it matters who did what.

They were fixed before the first training run and are not tuned to any method. In all of them an episode is a fixed
schedule of turns, a message is a string of `LENGTH` tokens out of `VOCABULARY`, and the score in [0, 1] is a pure
function of the recorded messages (`grade`), of which any subset may be missing. So "what would the score be without
these messages?" re-aggregates what was recorded and costs no rollout, whereas "what happens from here on?" has to be
played (rollouts.py).

Everything is vectorised over a batch axis B. Shapes: task [B] in [0, TASKS), messages [B, T] with ids in
[0, MESSAGES), present [B, T] bool, noise [B, NOISE] uniform in [0, 1): the luck of an episode, drawn once and shared
by all its replays (common random numbers).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

TASKS = 4
VOCABULARY = 2
LENGTH = 2
MESSAGES = VOCABULARY**LENGTH
NOISE = 4

_KEY_SEED = 20260101  # which message is right for whom in which task: the same in every run


@dataclass(frozen=True)
class Turn:
    """One place in the schedule. Messages of one round are written without reading each other; rounds count from 1."""

    agent: int
    round: int


@dataclass(frozen=True)
class Bias:
    """A habit an agent starts with: `strength` logits on each token of message `keys[task]`, whatever it observes."""

    agent: int
    keys: Ints  # [TASKS]
    strength: float


class Environment(ABC):
    """A task family and its grader. The best possible expected score is 1 in every environment."""

    name: ClassVar[str]
    title: ClassVar[str]
    # Free riders, saboteurs or early errors: where credit is claimed to matter most.
    credit_matters: ClassVar[bool]
    agents: ClassVar[tuple[str, ...]]
    turns: ClassVar[tuple[Turn, ...]]
    observations: ClassVar[int] = TASKS  # number of distinct observations of an agent

    @abstractmethod
    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        """Score [B] of the recorded messages, those where `present` is false left out."""

    def observe(self, turn: int, task: Ints, messages: Ints, present: Bools, noise: Floats) -> Ints:
        """What the author of `turn` sees, [B] in [0, observations); reads only messages of earlier turns."""
        return task

    def on_duty(self, noise: Floats) -> Bools:
        """Which turns take place in an episode, [B, T]."""
        return np.ones((len(noise), len(self.turns)), dtype=bool)

    def harmful(self, task: Ints, messages: Ints) -> Bools:
        """Messages that do harm by what they say, [B, T]."""
        return np.zeros(messages.shape, dtype=bool)

    def biases(self) -> tuple[Bias, ...]:
        return ()

    def authors(self) -> Ints:
        """Author of each turn, [T]."""
        return np.array([turn.agent for turn in self.turns])


def _keys(environment: int, rows: int) -> Ints:
    """[rows, TASKS, MESSAGES]: for each row and task a permutation of the messages that gives them their meaning."""
    rng = np.random.default_rng([_KEY_SEED, environment])
    return np.array([[rng.permutation(MESSAGES) for _ in range(TASKS)] for _ in range(rows)])


class Pipeline(Environment):
    """Four stages in a row; solved if and only if every stage hands on the right message. A missing stage fails it.

    Coalitions short of the whole are worth nothing, so all credit is equal: nothing here for credit to find.
    """

    name = "pipeline"
    title = "Pipeline in which every stage is needed"
    credit_matters = False
    agents = ("intake", "design", "build", "delivery")
    turns = tuple(Turn(agent, agent + 1) for agent in range(4))

    def __init__(self) -> None:
        self._right = _keys(1, 4)[:, :, 0]

    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        right = (messages == self._right[:, task].T) & present
        return right.all(axis=1).astype(float)

    def biases(self) -> tuple[Bias, ...]:
        return tuple(Bias(agent, self._right[agent], 0.5) for agent in range(4))


class Specialists(Environment):
    """Three skills, two specialists for each; solved if and only if every skill is supplied by somebody.

    Each pair is on duty together half the time, otherwise one of them alone, so that in the end everyone is needed;
    but when both are there, one can ride on the other.
    """

    name = "specialists"
    title = "Redundant specialists"
    credit_matters = True
    agents = ("parser A", "parser B", "solver A", "solver B", "writer A", "writer B")
    turns = tuple(Turn(agent, 1) for agent in range(6))

    def __init__(self) -> None:
        self._right = np.repeat(_keys(2, 3)[:, :, 0], 2, axis=0)

    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        right = (messages == self._right[:, task].T) & present
        return right.reshape(-1, 3, 2).any(axis=2).all(axis=1).astype(float)

    def on_duty(self, noise: Floats) -> Bools:
        luck = noise[:, :3]
        return np.stack([luck < 0.75, (luck < 0.5) | (luck >= 0.75)], axis=2).reshape(-1, 6)


class Saboteur(Environment):
    """Six workers in parallel; solved if and only if right messages outnumber harmful ones by three.

    Four start without habits, one starts lazy (says what neither helps nor harms), one starts as a saboteur.
    """

    name = "saboteur"
    title = "A saboteur and a lazy agent among workers"
    credit_matters = True
    agents = ("worker 1", "worker 2", "worker 3", "worker 4", "lazy", "saboteur")
    turns = tuple(Turn(agent, 1) for agent in range(6))

    def __init__(self) -> None:
        keys = _keys(3, 6)
        self._right, self._harm, self._idle = keys[:, :, 0], keys[:, :, 1], keys[:, :, 2]

    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        right = (messages == self._right[:, task].T) & present
        harm = (messages == self._harm[:, task].T) & present
        return (right.sum(axis=1) - harm.sum(axis=1) >= 3).astype(float)

    def harmful(self, task: Ints, messages: Ints) -> Bools:
        return messages == self._harm[:, task].T

    def biases(self) -> tuple[Bias, ...]:
        return Bias(4, self._idle[4], 1.5), Bias(5, self._harm[5], 1.5)


class Debate(Environment):
    """Five debaters, two rounds, each message is an answer; in round 2 they know which answer led after round 1.

    The team's answer is the plurality of everyone's last ballot; a tie of k answers that contains the right one is
    worth 1/k, no ballot at all nothing.
    """

    name = "debate"
    title = "Debate with majority vote"
    credit_matters = False
    agents = ("debater 1", "debater 2", "debater 3", "debater 4", "debater 5")
    turns = tuple(Turn(agent, round_) for round_ in (1, 2) for agent in range(5))
    observations = TASKS * (1 + MESSAGES)

    def __init__(self) -> None:
        self._right = _keys(4, 1)[0, :, 0]

    def _votes(self, ballots: Ints, cast: Bools) -> Ints:
        return np.stack([((ballots == answer) & cast).sum(axis=1) for answer in range(MESSAGES)], axis=1)

    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        ballots = np.where(present[:, 5:], messages[:, 5:], messages[:, :5])
        votes = self._votes(ballots, present[:, :5] | present[:, 5:])
        best = votes.max(axis=1)
        leads = votes == best[:, None]
        elected = leads[np.arange(len(task)), self._right[task]] & (best > 0)
        return elected / leads.sum(axis=1)

    def observe(self, turn: int, task: Ints, messages: Ints, present: Bools, noise: Floats) -> Ints:
        if turn < 5:
            return task
        leader = self._votes(messages[:, :5], present[:, :5]).argmax(axis=1)
        return TASKS + task * MESSAGES + leader


class Repair(Environment):
    """A planner, two workers and a reviewer; a bad plan derails the team until the reviewer repairs it.

    In 3 of 10 episodes the planner misreads the task, so early errors never die out. While derailed, right messages
    do not count. The reviewer sees a symptom that is wrong in 1 of 10 episodes; it may repair (without effect where
    nothing is derailed) or contribute. Solved if and only if the team ends on track with at least 4 right messages.
    """

    name = "repair"
    title = "Early error that a later agent can repair"
    credit_matters = True
    agents = ("planner", "worker 1", "worker 2", "reviewer")
    turns = tuple(Turn(agent, turn + 1) for turn, agent in enumerate((0, 1, 2, 3, 1, 2, 1, 2)))
    observations = 2 * TASKS
    _needed = 4

    def __init__(self) -> None:
        keys = _keys(5, 4)
        self._right, self._repair, self._plan = keys[:, :, 0], keys[3, :, 1], keys[0]

    def _derails(self, task: Ints, plan: Ints) -> Bools:
        return (plan != self._plan[task, 0]) & (plan != self._plan[task, 1])

    def grade(self, task: Ints, messages: Ints, present: Bools) -> Floats:
        derailed = self._derails(task, messages[:, 0]) & present[:, 0]
        progress = np.zeros(len(task), dtype=np.int64)
        for turn, agent in enumerate(self.authors()):
            if agent == 3:
                derailed &= ~((messages[:, turn] == self._repair[task]) & present[:, turn])
            progress += (messages[:, turn] == self._right[agent, task]) & present[:, turn] & ~derailed
        return (~derailed & (progress >= self._needed)).astype(float)

    def observe(self, turn: int, task: Ints, messages: Ints, present: Bools, noise: Floats) -> Ints:
        if turn == 0:
            misread = noise[:, 0] < 0.3
            other = (task + 1 + (noise[:, 1] * (TASKS - 1)).astype(np.int64)) % TASKS
            return np.where(misread, other, task)
        if turn == 3:
            derailed = self._derails(task, messages[:, 0]) & present[:, 0]
            return task + TASKS * (derailed ^ (noise[:, 2] < 0.1))
        return task

    def harmful(self, task: Ints, messages: Ints) -> Bools:
        harm = np.zeros(messages.shape, dtype=bool)
        harm[:, 0] = self._derails(task, messages[:, 0])
        return harm


ENVIRONMENTS: dict[str, Environment] = {
    environment.name: environment for environment in (Pipeline(), Specialists(), Saboteur(), Debate(), Repair())
}
