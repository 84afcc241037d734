"""Three programmers write one function each, at once; the tests run the module that their parts make.

python coding_team.py 127.0.0.1:50051

Grading a recombined team costs a run of the tests and no rollout. The tests run in a process of their own with a
timeout, which is no sandbox: programs of agents that you do not trust belong into one.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache

from show import show

from assay_rl import Client, Episode, EpisodeGroup, Group, Message, Question, Task

# What each of them tries; the last one is right.
DRAFTS = {
    "parser": [
        "def parse(text):\n    return text.split(',')",
        "def parse(text):\n    return [int(part) for part in text.split(',')]",
    ],
    "solver": [
        "def solve(numbers):\n    return numbers[len(numbers) // 2]",
        "def solve(numbers):\n    return sorted(numbers)[0]",
        "def solve(numbers):\n    return sorted(numbers)[len(numbers) // 2]",
    ],
    "printer": [
        "def show(number):\n    return 'median ' + number",
        "def show(number):\n    return f'median {number}'",
    ],
}
TASK = Task(prompt="Print the median of comma-separated numbers: parse, solve and show are written by three people.")
TESTS = """
cases = {"3,1,2": "median 2", "5": "median 5", "9,10,1,2,3": "median 3", "30,4,200": "median 30"}
print(sum(show(solve(parse(text))) == wanted for text, wanted in cases.items()) / len(cases))
"""


@lru_cache(maxsize=1024)
def run_tests(module: str) -> float:
    """The share of the tests that pass; a module that does not run passes none."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", module + TESTS], capture_output=True, text=True, timeout=10, check=True
        )
        return float(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return 0.0


def grade(messages: Sequence[Message]) -> float:
    return run_tests("\n\n".join(message.content for message in messages if message.agent))


def evaluate(source: Episode | EpisodeGroup, questions: Sequence[Question]) -> list[float]:
    """Coalitions of one episode, and teams of a group."""
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
    messages = [Message(name, draw.choice(drafts), round=1) for name, drafts in DRAFTS.items()]
    return Episode(f"code-{number}", messages, task=TASK, score=grade(messages), group=Group("code", size))


def main(target: str, size: int = 8) -> None:
    episodes = [rollout(number, size) for number in range(size)]
    options = {
        "caller": {
            "supports": ["QUESTION_KIND_COALITION", "QUESTION_KIND_TEAM"],
            "free": True,
            "deterministic": True,
        }
    }
    with Client(target) as client:
        show(episodes, client.score_batch(episodes, options=options, evaluator=evaluate))
    modules = math.prod(len(drafts) for drafts in DRAFTS.values())
    print(f"{run_tests.cache_info().misses} runs of the tests, of {modules} modules")


if __name__ == "__main__":
    main(sys.argv[1])
