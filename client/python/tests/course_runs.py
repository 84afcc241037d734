"""Test-only: a training run of debates, step by step, in which it is known what happens when.

A solver learns, a critic repeats the solver from one step on, a saboteur votes for a wrong answer until another one.
Signals are those of verify_episodes: real votes, exact credit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verify_episodes import group_of, signals_of, write_lines

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2

OPTIONS = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_LEDGER)
TASKS = [f"What is {a} times {a + 3}?" for a in range(11, 19)]


@dataclass(frozen=True)
class Plan:
    """What happens in a run.

    The saboteur is honest from `honest` on, the critic repeats the solver from `echo` on; the solver is right this
    often at the end.
    """

    steps: int = 60
    honest: int = 31
    echo: int = 42
    skill: float = 0.9
    members: int = 4  # episodes of a group
    tasks: int = 4
    seed: int = 1


@dataclass
class Step:
    episodes: list[episode_pb2.Episode]
    results: list[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult]


def play(plan: Plan) -> Iterator[Step]:
    luck = random.Random(plan.seed)
    for step in range(plan.steps):
        episodes: list[episode_pb2.Episode] = []
        results: list[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult] = []
        for number in range(plan.tasks):
            members = [_debate(plan, step, (step + number) % len(TASKS), one, luck) for one in range(plan.members)]
            answered = [signals_of(member, OPTIONS) for member in members]
            episodes += members
            results += [*answered, group_of(members, answered, OPTIONS)]
        yield Step(episodes, results)


def _debate(plan: Plan, step: int, task: int, one: int, luck: random.Random) -> episode_pb2.Episode:
    right = str((11 + task) * (14 + task))
    wrong = str(int(right) + 10)
    out = episode_pb2.Episode(id=f"step{step:03d}/task{task}/{one}")
    out.task.id, out.task.prompt, out.task.reference_answer = f"times-{task}", TASKS[task], right
    out.group.id, out.group.size = f"step{step:03d}/task{task}", plan.members
    for role in ("solver", "checker", "saboteur", "critic"):
        out.agents.add(id=role, role=role)
    skill = 0.45 + (plan.skill - 0.45) * min(1.0, step / (plan.steps * 0.7))
    votes = {
        "solver": right if luck.random() < skill else wrong,
        "checker": right if luck.random() < 0.6 else wrong,
        "saboteur": wrong if step < plan.honest else right,
        "critic": right if luck.random() < 0.55 else wrong,
    }
    if step >= plan.echo:
        votes["critic"] = votes["solver"]
    for role, answer in votes.items():
        author, turn = ("solver", 2) if role == "critic" and step >= plan.echo else (role, 1)
        text = f"As {author} I multiply, and I get {answer}."
        out.messages.add(agent_id=role, content=text, answer=answer, round=turn)
    # The team's answer is the plurality of what was said, and of two with as many votes neither.
    counts = sum(answer == right for answer in votes.values())
    out.outcome.score = 1.0 if counts > 2 else 0.5 if counts == 2 else 0.0
    return out


def write(plan: Plan, folder: Path) -> None:
    """signals and episodes, two files a step."""
    folder.mkdir(parents=True)
    for number, step in enumerate(play(plan)):
        write_lines(folder / f"episodes-{number:03d}.jsonl", step.episodes)
        write_lines(folder / f"signals-step-{number:03d}.jsonl", step.results)
