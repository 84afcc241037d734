"""Mixture of agents: proposers estimate a number at once, and an aggregator, which is no agent of the episode, takes
their trimmed mean. The closer the aggregate is to the truth, the better.

python mixture.py 127.0.0.1:50051
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

from show import show

from assay_rl import Client, Episode, EpisodeGroup, Group, Message, Question, Task

TRUTH = 384.4  # thousand kilometres
BIAS = {"careful": 0.0, "hasty": 60.0, "biased": -120.0, "wild": 0.0}
SPREAD = {"careful": 8.0, "hasty": 20.0, "biased": 10.0, "wild": 150.0}
TASK = Task(prompt="How far away is the moon, in thousand kilometres?")


def aggregate(proposals: Sequence[float]) -> float | None:
    """The mean without the lowest and the highest of four or more."""
    kept = sorted(proposals)
    if len(kept) >= 4:
        kept = kept[1:-1]
    return sum(kept) / len(kept) if kept else None


def grade(messages: Sequence[Message]) -> float:
    answer = aggregate([float(message.content.split()[-1]) for message in messages if message.agent])
    return 0.0 if answer is None else max(0.0, 1 - abs(answer - TRUTH) / 100)


def evaluate(source: Episode | EpisodeGroup, questions: Sequence[Question]) -> list[float]:
    values = []
    for question in questions:
        if isinstance(source, EpisodeGroup):
            values.append(grade(source.team(question).messages))
        else:
            members = {source.players()[i].id for i in question.agents}
            values.append(grade([message for message in source.messages if message.agent in members]))
    return values


def rollout(number: int, size: int) -> Episode:
    draw = random.Random(number)
    messages = [
        Message(name, f"I estimate {draw.gauss(TRUTH + BIAS[name], SPREAD[name]):.1f}", round=1) for name in BIAS
    ]
    return Episode(f"moon-{number}", messages, task=TASK, score=grade(messages), group=Group("moon", size))


def main(target: str, size: int = 8) -> None:
    episodes = [rollout(number, size) for number in range(size)]
    options = {"caller": {"supports": ["QUESTION_KIND_COALITION", "QUESTION_KIND_TEAM"], "deterministic": True}}
    with Client(target) as client:
        show(episodes, client.score_batch(episodes, options=options, evaluator=evaluate))


if __name__ == "__main__":
    main(sys.argv[1])
