"""Evaluators, scorers, batches and single calls of the client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import grpc
import pytest
from assayd import HANGS
from both_clients import both, episode, run, scores
from fake_service import Behaviour, fake_server

import assay_rl
from assay_rl import Answer, Group, GroupScored, Question, Scored

# The evaluator.


def by_function(episode: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
    assert threading.current_thread().name.startswith("assay-evaluator")
    return [0.25 * question.agents[0] for question in questions]


async def by_coroutine(episode: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
    await asyncio.sleep(0)
    return [0.25 * question.agents[0] for question in questions]


@both
@pytest.mark.parametrize("evaluator", [by_function, by_coroutine])
def test_questions_are_answered(mode: str, evaluator: assay_rl.Evaluator) -> None:
    with fake_server(Behaviour(questions=3, credits=4)) as server:
        outcomes = run(server.target, [episode(i) for i in range(20)], mode, evaluator=evaluator)
        assert len(scores(outcomes)) == 20
        means = {a.evaluation_id: [x.mean for x in a.answers.answers] for a in server.record.answers}
        assert means == {f"e{i}/{q}": [0.25 * q] for i in range(20) for q in range(3)}


@both
def test_a_slow_evaluator_does_not_stop_other_answers(mode: str) -> None:
    """An episode that waits for its answer keeps its credit, and the others go on beside it."""

    others: list[str] = []
    all_asked = threading.Event()

    def slow(asked: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        if asked.id == "e0":
            assert all_asked.wait(HANGS)
        else:
            others.append(asked.id)
            if len(others) == 39:
                all_asked.set()
        return [0.0] * len(questions)

    with fake_server(Behaviour(questions=1, credits=2)) as server:
        outcomes = run(server.target, [episode(i) for i in range(40)], mode, evaluator=slow)
        assert len(scores(outcomes)) == 40
        assert "e0" in [o.episode_id for o in outcomes if isinstance(o, Scored)][-2:]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (ValueError("no rollout"), grpc.StatusCode.UNKNOWN),
        (float("nan"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_failed_question_is_an_error_not_a_number(reply: float | Exception, code: grpc.StatusCode) -> None:
    with fake_server(Behaviour(questions=1)) as server:
        run(server.target, [episode(1)], "sync", evaluator=lambda e, q: [reply])
        (answer,) = server.record.answers[0].answers.answers
        assert answer.error.code == code.value[0]


def test_an_answer_that_was_known_before_says_so() -> None:
    for cached in (True, False):
        with fake_server(Behaviour(questions=1)) as server:
            reply = Answer(0.5, samples=3, cached=cached)
            run(server.target, [episode(1)], "sync", evaluator=lambda e, q, reply=reply: [reply])
            (answer,) = server.record.answers[0].answers.answers
        assert (answer.mean, answer.samples, answer.cached) == (0.5, 3, cached)


def test_an_evaluator_that_raises_fails_its_batch() -> None:
    def broken(asked: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        raise RuntimeError("out of memory")

    with fake_server(Behaviour(questions=1)) as server:
        run(server.target, [episode(1)], "sync", evaluator=broken)
        assert server.record.answers[0].error.message == "the evaluator raised RuntimeError: out of memory"


def test_an_evaluator_that_is_late_fails_its_batch() -> None:
    async def slow(asked: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        await asyncio.sleep(HANGS)
        return [1.0]

    with fake_server(Behaviour(questions=1, question_timeout=0.1)) as server:
        run(server.target, [episode(1)], "async", evaluator=slow)
        assert server.record.answers[0].error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


def test_each_keeps_other_questions_alive() -> None:
    def one(asked: assay_rl.client.episodes.EpisodeLike, question: Question) -> float:
        return 1 / question.agents[0]

    replies = assay_rl.each(one)(episode(1), [Question("coalition", (0,)), Question("coalition", (2,))])
    assert isinstance(replies, list)
    assert isinstance(replies[0], ZeroDivisionError)
    assert replies[1] == 0.5


def test_an_evaluator_without_the_option_is_refused() -> None:
    with (
        fake_server() as server,
        assay_rl.Client(server.target) as client,
        pytest.raises(ValueError, match="go together"),
    ):
        client.open({"vote": {}}, evaluator=by_function)


# Scorers, batches, single calls.


def test_a_scorer_takes_episodes_as_they_come() -> None:
    with fake_server() as server, assay_rl.Client(server.target) as client:
        with client.open({"seed": "7"}) as scorer:
            futures = [scorer.submit(episode(i, Group("g", 3))) for i in range(3)]
            assert [f.result(HANGS).ok for f in futures] == [True] * 3
            group = scorer.group("g").result(HANGS)
            assert isinstance(group, GroupScored)
            assert scorer.submit(episode(9)).result(HANGS).ok
        assert server.record.streams >= 1
        assert server.record.options[0] == b"\x08\x07"


def test_a_scorer_survives_a_restart_between_episodes() -> None:
    with fake_server() as server, assay_rl.Client(server.target) as client, client.open() as scorer:
        assert scorer.submit(episode(1)).result(HANGS).ok
        server.stop()
        server.start()
        assert scorer.submit(episode(2)).result(HANGS).ok


def test_an_async_scorer_can_be_awaited() -> None:
    async def work(target: str) -> list[bool]:
        async with assay_rl.AsyncClient(target) as client, client.open() as scorer:
            return [o.ok for o in await asyncio.gather(*(scorer.submit(episode(i)) for i in range(30)))]

    with fake_server() as server:
        assert asyncio.run(work(server.target)) == [True] * 30


def test_a_batch_keeps_the_order_and_names_failures() -> None:
    with fake_server(Behaviour(failing_ids=frozenset({"e2"}))) as server, assay_rl.Client(server.target) as client:
        batch = client.score_batch([episode(i, Group("g", 4)) for i in range(4)])
        assert batch.rewards() == [0.0, 0.0001, None, 0.0003]
        assert [f.episode_id for f in batch.failed()] == ["e2"]
        assert set(batch.groups) == {"g"}
        with pytest.raises(ValueError, match="distinct"):
            client.score_batch([episode(1), episode(1)])


def test_single_calls() -> None:
    with fake_server() as server, assay_rl.Client(server.target) as client:
        assert client.info().version == "fake"
        assert client.compute([episode(3)]).rewards() == [0.0003]
        with pytest.raises(assay_rl.AssayError) as raised:
            client.advantages([])
        assert raised.value.error.code == grpc.StatusCode.UNIMPLEMENTED
