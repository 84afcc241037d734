"""Test-only: groups whose teams have a worth that is drawn, and who answers for it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import assay_rl
from assay_rl import Batch, Episode, EpisodeGroup, Group, GroupScored, Message, Question, Task


def worth(texts: Sequence[str]) -> float:
    """Of a team that says this; "" is silence."""
    return random.Random("|".join(texts)).randrange(1001) / 1000


def group(name: str, size: int, agents: int = 3, texts: int = 1000, silent: float = 0.0) -> list[Episode]:
    draw = random.Random(name)
    episodes = []
    for k in range(size):
        said = ["" if draw.random() < silent else f"text {draw.randrange(texts)}" for _ in range(agents)]
        if not any(said):
            said[0] = "text 0"
        messages = [Message(f"a{i}", text, round=1) for i, text in enumerate(said) if text]
        players = [assay_rl.Agent(f"a{i}") for i in range(agents)]
        episodes.append(
            Episode(
                f"{name}-{k}", messages, players, Task(prompt="the task"), score=worth(said), group=Group(name, size)
            )
        )
    return episodes


def said(episode: Episode) -> list[str]:
    return ["".join(m.content for m in episode.messages if m.agent == player.id) for player in episode.players()]


class Grader:
    """Answers everything by `worth`, and remembers the teams it was asked about."""

    def __init__(self) -> None:
        self.teams: list[tuple[str, ...]] = []
        self.batches: list[int] = []

    def __call__(self, source: Episode | EpisodeGroup, questions: Sequence[Question]) -> list[float]:
        if isinstance(source, EpisodeGroup):
            asked = [tuple(said(source.team(question))) for question in questions]
            self.teams += asked
            self.batches.append(len(asked))
            return [worth(team) for team in asked]
        texts = said(source)
        return [worth([t if i in q.agents else "" for i, t in enumerate(texts)]) for q in questions]


def scored(batch: Batch, name: str) -> GroupScored:
    assert not batch.failed(), batch.failed()
    outcome = batch.groups[name]
    assert isinstance(outcome, GroupScored), outcome
    return outcome
