"""Five voters answer at once, and the majority counts. Ballots of all recombined teams are counted by the server.

python vote.py 127.0.0.1:50051
"""

from __future__ import annotations

import random
import sys

from show import show

from assay_rl import Client, Episode, Group, Message, Task

SKILL = {"ann": 0.8, "bob": 0.6, "cyd": 0.5, "dan": 0.4, "eve": 0.2}
TASK = Task(prompt="What is 7 * 8?", reference_answer="56")


def rollout(number: int, size: int) -> Episode:
    draw = random.Random(number)
    messages = []
    for name, skill in SKILL.items():
        answer = "56" if draw.random() < skill else draw.choice(["54", "63"])
        messages.append(Message(name, f"I get {answer}.", round=1, answer=answer))
    return Episode(f"vote-{number}", messages, task=TASK, group=Group("vote", size))


def main(target: str, size: int = 16) -> None:
    episodes = [rollout(number, size) for number in range(size)]
    with Client(target) as client:
        show(episodes, client.score_batch(episodes, options={"vote": {"grader": "GRADER_NUMBER"}}))


if __name__ == "__main__":
    main(sys.argv[1])
