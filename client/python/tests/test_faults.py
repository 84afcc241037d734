"""Kills the input, the evaluator, the network and the process at 100 drawn moments each: what was finished is there."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_service import Behaviour, fake_server
from test_client import episode

from assay_rl import Client, Episode, Group, GroupScored, Scored
from assay_rl.client.evaluators import Question

DRAWS = 100
EPISODES = 30


class DrawnFaultError(Exception):
    pass


def test_the_input_is_killed() -> None:
    dice = random.Random(1)

    def until(moment: int, fault: BaseException) -> Iterator[Episode]:
        for i in range(EPISODES):
            if i == moment:
                raise fault
            yield episode(i, Group(f"g{i // 2}", 2))

    with fake_server(Behaviour()) as server, Client(server.target) as client:
        for _ in range(DRAWS):
            moment = dice.randrange(EPISODES)
            fault = dice.choice([DrawnFaultError(), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), OSError(5)])
            found = []
            with pytest.raises(type(fault)):  # noqa: PT012 (what came before is what is tested)
                for outcome in client.score(until(moment, fault)):
                    found.append(outcome)
            assert sorted(o.episode_id for o in found if isinstance(o, Scored)) == sorted(
                f"e{i}" for i in range(moment)
            )
            assert sum(isinstance(o, GroupScored) for o in found) == (moment + 1) // 2


def test_the_evaluator_is_killed() -> None:
    dice = random.Random(2)
    faults: list[BaseException] = [
        DrawnFaultError(),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
    ]

    def evaluate(asked: Any, questions: Sequence[Question]) -> list[float]:
        if asked.id == f"e{moment}":
            raise fault
        return [0.5] * len(questions)

    with fake_server(Behaviour(questions=1)) as server, Client(server.target) as client:
        for _ in range(DRAWS):
            moment, fault = dice.randrange(8), dice.choice(faults)
            answered = len(server.record.answers)
            outcomes = list(client.score([episode(i) for i in range(8)], evaluator=evaluate))
            assert sorted(o.episode_id for o in outcomes if isinstance(o, Scored)) == [f"e{i}" for i in range(8)]
            answers = server.record.answers[answered:]
            assert [a.evaluation_id for a in answers if a.HasField("error")] == [f"e{moment}/0"]


def test_the_network_is_killed() -> None:
    dice = random.Random(3)
    for _ in range(DRAWS):
        behaviour = Behaviour(
            cut_after=dice.randint(1, 12),
            cuts=dice.randint(1, 2),
            credits=dice.randint(1, 16),
            repeat_results=dice.random() < 0.3,
        )
        with fake_server(behaviour) as server, Client(server.target) as client:
            outcomes = list(client.score([episode(i, Group(f"g{i // 3}", 3)) for i in range(12)]))
        assert sorted(o.episode_id for o in outcomes if isinstance(o, Scored)) == sorted(f"e{i}" for i in range(12))
        assert sorted(o.group_id for o in outcomes if isinstance(o, GroupScored)) == [f"g{i}" for i in range(4)]


def work(target: str, path: str, written: Any) -> None:
    """Scores for ever; each outcome is in the file before it is counted."""

    def episodes() -> Iterator[Episode]:
        for i in range(1_000_000):
            yield episode(i)

    with Client(target) as client, open(path, "w", buffering=1, encoding="utf-8") as file:
        for outcome in client.score(episodes()):
            assert isinstance(outcome, Scored)
            print(outcome.episode_id, file=file)
            written.value += 1


def test_the_process_is_killed(tmp_path: Path) -> None:
    dice = random.Random(4)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["assay_rl", "test_client", "fake_service"])
    with fake_server(Behaviour(credits=16)) as server:
        for draw in range(DRAWS):
            written = context.Value("q", 0, lock=False)
            path = tmp_path / str(draw)
            process = context.Process(target=work, args=(server.target, str(path), written))
            process.start()
            moment = dice.randrange(60)  # outcomes
            while written.value <= moment:
                process.join(0.002)
                assert process.exitcode is None
            process.kill()
            process.join()
            lines = path.read_text("utf-8").splitlines(keepends=True)
            assert len(lines) >= written.value > moment
            assert len(set(lines)) == len(lines)
            assert all(line.endswith("\n") for line in lines)
