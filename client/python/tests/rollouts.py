"""Test-only: rollouts of a small team with a saboteur, its evaluator, and what the plain client makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assayd import HANGS

from assay_rl import Agent, Client, Episode, EpisodeGroup, Group, Message, Task
from assay_rl.client.evaluators import Question
from assay_rl.client.outcomes import Advantages, GroupScored
from assay_rl.training.team import TeamCredit

ROLLOUTS = 8
BROKEN = 5  # the rollout whose evaluator fails


def episodes() -> list[Episode]:
    """Eight rollouts of one task with 3 to 7 messages by two agents of two policies, tools between them, no scores."""
    made = []
    for number in range(ROLLOUTS):
        count = 3 + number % 5
        messages = []
        for k in range(count):
            agent = "builder" if k % 2 == 0 else "saboteur"
            good = (number * 7 + k * 3) % 4 != 0
            messages.append(Message(agent, f"{'good' if good else 'bad'} step {k} of rollout {number}"))
            if k == 1:
                messages.append(Message("", "what the tool said"))
        agents = [Agent("builder", policy="one"), Agent("saboteur", policy="two")]
        made.append(Episode(f"rollout-{number}", messages, agents=agents, task=Task("t", "Build it.")))
    return made


def value(episode: Any, agents: Sequence[str]) -> float:
    """The tests that pass: each good step of those who take part helps, each bad one of the saboteur hurts."""
    total = 0.0
    for message in episode.messages:
        if message.agent in agents:
            total += 1.0 if message.content.startswith("good") else -0.5 * (message.agent == "saboteur")
    return max(0.0, min(1.0, total / 5))


def evaluate(episode: Any, questions: Sequence[Question]) -> list[float]:
    if isinstance(episode, EpisodeGroup):
        teams = [episode.team(question) for question in questions]
        return [value(team, [agent.id for agent in team.players()]) for team in teams]
    if episode.task.prompt == "Break." or f"of rollout {BROKEN}" in episode.messages[0].content:
        raise RuntimeError("the sandbox is gone")
    names = [agent.id for agent in episode.players()]
    return [value(episode, [names[k] for k in question.agents]) for question in questions]


async def evaluate_later(episode: Any, questions: Sequence[Question]) -> list[float]:
    return evaluate(episode, questions)


OPTIONS: dict[str, Any] = {"value_range": {"low": 0.0, "high": 1.0}}
TEAMS: dict[str, Any] = {"caller": {"supports": ["QUESTION_KIND_COALITION", "QUESTION_KIND_TEAM"]}}


@dataclass(frozen=True)
class Play:
    """How the agents of the rollouts worked, and what X of their group is made of."""

    outcome_part: str

    @property
    def options(self) -> dict[str, Any]:
        return {**OPTIONS, **TEAMS} if self.parallel else OPTIONS

    @property
    def parallel(self) -> bool:
        """RECOMBINED: nobody had read the others' messages."""
        return self.outcome_part == "RECOMBINED"

    def episodes(self) -> list[Episode]:
        return [replace(episode, group=Group("own", ROLLOUTS, self.parallel)) for episode in episodes()]

    def credit(self, target: str, **more: Any) -> TeamCredit:
        """Told of `parallel`, which adapters that make episodes of traces do not know."""
        return TeamCredit(target, evaluator=evaluate, options=self.options, parallel=self.parallel, **more)

    def plain(self, target: str, **advantages: Any) -> list[Advantages | None]:
        return plain(target, self.episodes(), self, **advantages)


PLAYS = (Play("CONTROL"), Play("RECOMBINED"))


def plain(target: str, group: Sequence[Episode], play: Play = PLAYS[0], **advantages: Any) -> list[Advantages | None]:
    """Advantages by the plain client; None for a failed episode."""
    own = Group("plain", len(group), all(e.group is not None and e.group.parallel for e in group))
    sent = [replace(e, id=f"plain/{k}", group=own) for k, e in enumerate(group)]
    with Client(target, deadline=HANGS) as client:
        batch = client.score_batch(sent, options={**play.options, "advantages": advantages}, evaluator=evaluate)
    answered = batch.groups["plain"]
    assert isinstance(answered, GroupScored), answered
    if "outcome" not in advantages:
        assert answered.outcome_part == play.outcome_part
    return [answered.advantages.get(episode.id) for episode in sent]
