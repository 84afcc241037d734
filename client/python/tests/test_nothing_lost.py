"""What was finished reaches the caller, whatever fails: the input, the evaluator, the process, the network."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from assayd import HANGS
from fake_service import Behaviour, fake_server
from test_client import episode, run, scores

import assay_rl
from assay_rl import AssayError, Client, Episode, Failed, Group, GroupFailed, GroupScored, Scored
from assay_rl.client.evaluators import Question
from assay_rl.client.target import is_local, proxy_of

DATA = Path(__file__).resolve().parents[3] / "tests" / "data"
both = pytest.mark.parametrize("mode", ["sync", "async"])


def failing_input(count: int, failure: BaseException) -> Iterator[Episode]:
    for i in range(count):
        yield episode(i)
    raise failure


# The input.


@both
@pytest.mark.parametrize("failure", [RuntimeError("a rollout worker died"), KeyError("x"), OSError(5, "disk")])
def test_what_came_before_an_error_of_the_input_is_finished(mode: str, failure: Exception) -> None:
    found: list[Any] = []

    async def collect_async(target: str) -> None:
        async with assay_rl.AsyncClient(target) as client:
            async for outcome in client.score(failing_input(150, failure)):
                found.append(outcome)

    def collect_one_by_one(target: str) -> None:
        with Client(target) as client:
            for outcome in client.score(failing_input(150, failure)):
                found.append(outcome)

    with fake_server(Behaviour()) as server, pytest.raises(type(failure)):
        asyncio.run(collect_async(server.target)) if mode == "async" else collect_one_by_one(server.target)
    assert len(scores(found)) == 150


def test_an_interrupt_finishes_what_was_handed_over() -> None:
    """SIGINT while the main thread waits for an outcome, and the input waits for good."""
    code = """
        import os, signal, sys, threading, time
        from assay_rl import Client, Episode, Message
        def episodes():
            for i in range(20):
                yield Episode(f"e{i}", [Message("amy", "x")], score=1)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            time.sleep(3600)
        count = 0
        try:
            with Client(sys.argv[1]) as client:
                for outcome in client.score(episodes()):
                    count += 1
        except KeyboardInterrupt:
            print("interrupted after", count)
    """
    with fake_server(Behaviour(delay=0.05)) as server:
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), server.target], capture_output=True, text=True, timeout=HANGS
        )
    assert ran.stdout == "interrupted after 20\n", ran.stderr


def test_a_stop_from_elsewhere_finishes_what_was_handed_over() -> None:
    stop = threading.Event()

    def episodes() -> Iterator[Episode]:
        for i in range(30):
            yield episode(i)
        stop.set()
        time.sleep(3600)

    with fake_server(Behaviour()) as server, Client(server.target) as client:
        assert len(scores(list(client.score(episodes(), stop=stop)))) == 30


# The evaluator.


def exits(asked: Any, questions: Sequence[Question]) -> list[float]:
    sys.exit(3)


def interrupts(asked: Any, questions: Sequence[Question]) -> list[float]:
    raise KeyboardInterrupt


def stops(asked: Any, questions: Sequence[Question]) -> list[float]:
    return [next(iter([]))]


def cancels(asked: Any, questions: Sequence[Question]) -> list[float]:
    raise asyncio.CancelledError


def closes(asked: Any, questions: Sequence[Question]) -> list[float]:
    raise GeneratorExit


async def exits_later(asked: Any, questions: Sequence[Question]) -> list[float]:
    await asyncio.sleep(0)
    sys.exit(3)


async def cancels_later(asked: Any, questions: Sequence[Question]) -> list[float]:
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def interrupts_later(asked: Any, questions: Sequence[Question]) -> list[float]:
    raise KeyboardInterrupt


async def stops_later(asked: Any, questions: Sequence[Question]) -> list[float]:
    raise StopIteration


async def one(question: Question) -> float:
    return 1.0


EVALUATORS: list[tuple[Callable[..., Any], str]] = [
    (exits, "SystemExit: 3"),
    (interrupts, "KeyboardInterrupt"),
    (stops, "StopIteration"),
    (cancels, "CancelledError"),
    (closes, "GeneratorExit"),
    (exits_later, "SystemExit: 3"),
    (cancels_later, "CancelledError"),
    (interrupts_later, "KeyboardInterrupt"),
    (stops_later, "StopIteration"),
    (lambda e, q: dict.fromkeys(range(len(q)), 0.5), "gave a dict"),
    (lambda e, q: {0.5}, "gave a set"),
    (lambda e, q: (0.5 for _ in q), "gave a generator"),
    (lambda e, q: "1", "gave a str"),
    (lambda e, q: None, "gave a NoneType"),
    (lambda e, q: 0.5, "gave a float"),
    (lambda e, q: [one(x) for x in q], "never awaited"),
    (lambda e, q: [], "0 answers to 1 questions"),
    (lambda e, q: [0.5] * (len(q) + 1), "2 answers to 1 questions"),
    (lambda e, q: ["0.5"], "'0.5'"),
    (lambda e, q: [None], "None"),
    (lambda e, q: [[0.5]], "TypeError"),
]


@both
@pytest.mark.parametrize(("evaluator", "said"), EVALUATORS, ids=[str(i) for i in range(len(EVALUATORS))])
def test_an_evaluator_fails_its_own_batch_and_the_client_lives_on(
    mode: str, evaluator: Callable[..., Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "assay_rl"), fake_server(Behaviour(questions=1)) as server:
        run(server.target, [episode(1)], mode, evaluator=evaluator)
        error = server.record.answers[0].error
        assert error.code == grpc.StatusCode.UNKNOWN.value[0]
        assert said in error.message
        assert caplog.records[0].exc_info, "the traceback is in the log"
        # The loop that all clients of this process share is alive.
        assert len(scores(run(server.target, [episode(2)], mode, evaluator=lambda e, q: [0.5] * len(q)))) == 1


# Groups.


def grouped(i: int, group: str, size: int) -> Episode:
    return episode(i, Group(group, size))


@both
@pytest.mark.parametrize("times", [2, 3, 7])
def test_an_id_that_comes_again_after_its_group_is_full_is_another_group(mode: str, times: int) -> None:
    with fake_server(Behaviour()) as server:
        outcomes = run(server.target, [grouped(i, "task-7", 2) for i in range(2 * times)], mode)
    groups = [sorted(o.advantages) for o in outcomes if isinstance(o, GroupScored)]
    assert groups == [[f"e{2 * i}", f"e{2 * i + 1}"] for i in range(times)]


def test_futures_of_groups_with_one_id_come_in_order() -> None:
    with fake_server(Behaviour()) as server, Client(server.target) as client, client.open() as scorer:
        futures = [scorer.submit(grouped(i, "g", 2)) for i in range(6)]
        early = [scorer.group("g") for _ in range(2)]
        assert all(f.result(HANGS).ok for f in futures)
        groups = [future.result(HANGS) for future in [*early, scorer.group("g")]]
        assert [sorted(g.advantages) for g in groups] == [["e0", "e1"], ["e2", "e3"], ["e4", "e5"]]


@both
def test_a_member_that_is_turned_away_for_good_fails_its_group(mode: str) -> None:
    with fake_server(Behaviour(retry_ids=["e1"] * 100)) as server:
        outcomes = run(server.target, [grouped(0, "g", 2), grouped(1, "g", 2), episode(9)], mode)
    assert [type(o) for o in outcomes if o.ok is False] == [Failed, GroupFailed]
    assert {o.episode_id for o in outcomes if isinstance(o, Scored)} == {"e0", "e9"}


# The process and the network.


def test_after_a_fork_a_client_says_so() -> None:
    code = """
        import os, sys
        from assay_rl import Client, Episode, Message
        episode = Episode("e", [Message("amy", "x")], score=1)
        client = Client(sys.argv[1])
        assert client.score_batch([episode]).outcomes[0].ok
        scorer = client.open()
        def new():
            Client(sys.argv[1])
        uses = [new, lambda: client.score_batch([episode]), lambda: client.info(), lambda: client.open(),
                lambda: scorer.submit(episode).result(5)]
        for use in uses:
            child = os.fork()
            if child == 0:
                try:
                    use()
                    os._exit(1)
                except RuntimeError as said:
                    os._exit(0 if "fork" in str(said) else 2)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        child = os.fork()
        if child == 0:
            client.close()
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert client.score_batch([episode]).outcomes[0].ok
    """
    with fake_server(Behaviour()) as server:
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), server.target], capture_output=True, text=True, timeout=HANGS
        )
    assert ran.stdout == "0\n" * 6, ran.stderr


def test_a_fork_before_the_first_client_is_free_to_make_one() -> None:
    code = """
        import os, sys
        from assay_rl import Client, Episode, Message
        child = os.fork()
        with Client(sys.argv[1]) as client:
            assert client.score_batch([Episode("e", [Message("amy", "x")], score=1)]).outcomes[0].ok
        if child == 0:
            os._exit(0)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    with fake_server(Behaviour()) as server:
        ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code), server.target], timeout=HANGS)
    assert ran.returncode == 0


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_a_proxy_never_decides_for_the_own_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with fake_server(Behaviour()) as server:
        assert len(scores(run(server.target, [episode(1)], "sync"))) == 1


TARGETS = [json.loads(line) for line in (DATA / "targets.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", TARGETS, ids=[row["target"] for row in TARGETS])
def test_the_table_of_targets(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The C++ client must agree with every line."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in row.get("environment", {}).items():
        monkeypatch.setenv(name, value)
    assert is_local(row["target"]) == row["local"]
    assert proxy_of(row["target"]) == row.get("proxy", "")


@both
def test_a_dead_server_is_named_with_its_address_and_what_refused(mode: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (outcome,) = run(f"127.0.0.1:{port}", [episode(1)], mode, connect_timeout=0.5)
    assert isinstance(outcome, Failed)
    assert f"127.0.0.1:{port}" in outcome.error.message
    assert "Connection refused" in outcome.error.message
    with Client(f"127.0.0.1:{port}") as client, pytest.raises(AssayError, match=f"127.0.0.1:{port}.*refused"):
        client.info()


def test_a_process_that_is_killed_has_written_what_it_fetched(tmp_path: Any) -> None:
    """Each outcome is on disk as soon as the caller writes it: killed at drawn moments, no line is torn or missing."""
    code = """
        import sys
        from assay_rl import Client, Episode, Message
        def episodes():
            for i in range(100000):
                yield Episode(f"e{i}", [Message("amy", "x")], score=1)
        with Client(sys.argv[1]) as client, open(sys.argv[2], "w", buffering=1) as out:
            for outcome in client.score(episodes()):
                print(outcome.episode_id, file=out)
    """
    path = tmp_path / "out"
    with fake_server(Behaviour(credits=64)) as server:
        running = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), server.target, str(path)])
        while not path.exists() or path.stat().st_size < 1000:
            assert running.poll() is None
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        lines = path.read_text().splitlines(keepends=True)
        assert len(lines) == len(set(lines)) > 0
        assert all(line.startswith("e") for line in lines)


# Messages that name what is wrong.


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            {"messages": [assay_rl.Message("amy", [{"type": "text"}])]},
            "messages[0].content: expected a string, got list",
        ),  # type: ignore[arg-type]
        ({"messages": [assay_rl.Message("amy", "x"), assay_rl.Message(0, "x")]}, "messages[1].agent"),  # type: ignore[arg-type]
        ({"messages": [assay_rl.Message("amy", "x", answer=0)]}, "messages[0].answer: expected a string, got int"),  # type: ignore[arg-type]
        ({"messages": [assay_rl.Message("amy", "x", process_score="high")]}, "messages[0].process_score"),  # type: ignore[arg-type]
        ({"messages": [assay_rl.Message("amy", "x \ud83d")]}, "messages[0].content: is not Unicode text"),
        ({"task": assay_rl.Task("t", "p", 0)}, "task.reference_answer: expected a string, got int"),  # type: ignore[arg-type]
        ({"agents": [assay_rl.Agent(7)]}, "agents[0].id: expected a string, got int"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_named_with_its_path(made: dict[str, Any], said: str) -> None:
    wrong = Episode(**{"id": "e", "messages": [assay_rl.Message("amy", "x")], **made})
    with pytest.raises((TypeError, ValueError)) as raised:
        wrong.to_proto()
    assert said in str(raised.value)
    with fake_server(Behaviour()) as server:
        (outcome,) = run(server.target, [wrong], "sync")
    assert isinstance(outcome, Failed)
    assert said in outcome.error.message
