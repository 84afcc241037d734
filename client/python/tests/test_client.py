"""Client and AsyncClient against a service that follows the protocol and misbehaves on request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence

import grpc
import pytest
from assayd import HANGS
from fake_service import Behaviour, FakeServer, fake_server

import assay_rl
from assay_rl import Episode, Failed, Group, GroupFailed, GroupScored, Message, Outcome, Question, Scored
from assay_rl.v1 import episode_pb2


def episode(number: int, group: Group | None = None, text: str = "hello") -> Episode:
    return Episode(f"e{number}", [Message("a", text), Message("b", text)], score=number / 10000, group=group)


def scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Scores by id; fails where an episode was answered twice or not with signals."""
    found: dict[str, float] = {}
    for outcome in outcomes:
        if isinstance(outcome, (GroupScored, GroupFailed)):
            continue
        assert isinstance(outcome, Scored), outcome
        assert outcome.episode_id not in found
        found[outcome.episode_id] = outcome.signals.score
    return found


def run(target: str, episodes: Sequence[Episode], mode: str, **arguments: object) -> list[Outcome]:
    """All outcomes, by the synchronous or the asyncio client."""
    keywords = {k: arguments.pop(k) for k in ("options", "evaluator") if k in arguments}
    if mode == "sync":
        with assay_rl.Client(target, **arguments) as client:
            return list(client.score(episodes, **keywords))  # type: ignore[arg-type]

    async def score() -> list[Outcome]:
        async with assay_rl.AsyncClient(target, **arguments) as client:  # type: ignore[arg-type]
            return [outcome async for outcome in client.score(episodes, **keywords)]  # type: ignore[arg-type]

    return asyncio.run(score())


both = pytest.mark.parametrize("mode", ["sync", "async"])


@both
def test_every_episode_is_answered_once_within_the_credits(mode: str) -> None:
    with fake_server(Behaviour(credits=5, delay=0.001)) as server:
        outcomes = run(server.target, [episode(i) for i in range(500)], mode)
        assert scores(outcomes) == {f"e{i}": i / 10000 for i in range(500)}
        assert 2 <= server.record.max_in_flight <= 5
        assert set(server.record.episodes.values()) == {1}


@both
def test_bytes_in_flight_are_kept(mode: str) -> None:
    with fake_server(Behaviour(credits=100, byte_credits=3000, delay=0.01)) as server:
        outcomes = run(server.target, [episode(i, text="x" * 500) for i in range(50)], mode)
        assert len(scores(outcomes)) == 50
        assert server.record.max_in_flight == 2  # each has a little over 1,000 bytes


@both
def test_protobuf_episodes_are_taken_as_they_are(mode: str) -> None:
    with fake_server() as server:
        protos = [episode(i).to_proto() for i in range(3)]
        assert len(scores(run(server.target, protos, mode))) == 3  # type: ignore[arg-type]


@both
def test_a_bad_episode_fails_alone(mode: str) -> None:
    with fake_server(Behaviour(failing_ids=frozenset({"e1"}))) as server:
        outcomes = {o.episode_id: o for o in run(server.target, [episode(i) for i in range(3)], mode)}  # type: ignore[union-attr]
        failed = outcomes["e1"]
        assert isinstance(failed, Failed)
        assert failed.error.code == grpc.StatusCode.INVALID_ARGUMENT
        assert failed.error.violations == (("messages[0].process_score", "out of range"),)
        with pytest.raises(assay_rl.EpisodeError):
            _ = failed.signals
        assert outcomes["e0"].ok
        assert outcomes["e2"].ok


@both
def test_ids_are_checked_before_sending(mode: str) -> None:
    with fake_server(Behaviour(silent_ids=frozenset({"e1"}))) as server:
        outcomes = run(server.target, [episode(1), episode(1), Episode("", [])], mode, deadline=0.3)
        codes = [o.error.code for o in outcomes if isinstance(o, Failed)]
        assert sorted(c.name for c in codes) == ["ALREADY_EXISTS", "DEADLINE_EXCEEDED", "INVALID_ARGUMENT"]


@both
def test_what_is_not_an_episode_fails_alone(mode: str) -> None:
    wrong = Episode("wrong", [Message("a", 7)])  # type: ignore[arg-type]
    with fake_server() as server:
        outcomes = run(server.target, [wrong, episode(1)], mode)
        assert sorted(o.ok for o in outcomes) == [False, True]


@both
def test_a_cut_connection_is_resumed(mode: str) -> None:
    with fake_server(Behaviour(cut_after=20)) as server:
        outcomes = run(server.target, [episode(i) for i in range(300)], mode)
        assert scores(outcomes) == {f"e{i}": i / 10000 for i in range(300)}
        assert server.record.streams >= 15
        assert len(set(server.record.options)) == 1


@both
def test_go_away_is_followed(mode: str) -> None:
    with fake_server(Behaviour(go_away_after=20)) as server:
        outcomes = run(server.target, [episode(i) for i in range(300)], mode)
        assert len(scores(outcomes)) == 300
        # What was in flight at the go_away is awaited, not computed twice.
        assert set(server.record.episodes.values()) == {1}
        assert 10 <= server.record.streams <= 16


@both
def test_go_away_does_not_wait_past_the_grace(mode: str) -> None:
    behaviour = Behaviour(go_away_after=3, grace=0.1, silent_ids=frozenset({"e1"}), credits=4)
    with fake_server(behaviour) as server:
        timer = threading.Timer(0.6, lambda: setattr(behaviour, "silent_ids", frozenset()))
        timer.start()
        behaviour_end = run(server.target, [episode(i) for i in range(12)], mode, deadline=1.5)
        timer.join()
        assert server.record.streams >= 2
        answered = {o.episode_id for o in behaviour_end if isinstance(o, Scored)}
        assert answered >= {f"e{i}" for i in range(12)} - {"e1"}


@both
def test_repeated_results_are_suppressed(mode: str) -> None:
    with fake_server(Behaviour(repeat_results=True)) as server:
        outcomes = run(server.target, [episode(i, Group("g", 4)) for i in range(4)], mode)
        assert len(scores(outcomes)) == 4
        assert sum(isinstance(o, GroupScored) for o in outcomes) == 1


@both
def test_an_unanswered_group_is_sent_again_whole(mode: str) -> None:
    # The first connection answers 3 of 4 members, the second all: one result each, one group of 4.
    with fake_server(Behaviour(cut_after=3, cuts=1, credits=4, delay=0.05)) as server:
        outcomes = run(server.target, [episode(i, Group("g", 4)) for i in range(4)], mode)
        assert len(scores(outcomes)) == 4
        assert [o.proto.signals.used for o in outcomes if isinstance(o, GroupScored)] == [4]
        assert server.record.episodes == {f"e{i}": 2 for i in range(4)}


@both
def test_groups_are_flushed_at_the_end(mode: str) -> None:
    with fake_server(Behaviour(hold_groups=True)) as server:
        outcomes = run(server.target, [episode(i, Group(f"g{i % 3}", 10)) for i in range(9)], mode)
        assert sorted(o.group_id for o in outcomes if isinstance(o, GroupScored)) == ["g0", "g1", "g2"]


@both
def test_retry_after_is_obeyed(mode: str) -> None:
    with fake_server(Behaviour(retry_ids={"e1", "e3"})) as server:
        outcomes = run(server.target, [episode(i) for i in range(5)], mode)
        assert len(scores(outcomes)) == 5
        assert server.record.episodes["e1"] == server.record.episodes["e3"] == 2


@both
def test_retry_after_in_a_group_sends_that_member_again(mode: str) -> None:
    with fake_server(Behaviour(retry_ids={"e1"})) as server:
        outcomes = run(server.target, [episode(i, Group("g", 3)) for i in range(3)], mode)
        assert len(scores(outcomes)) == 3
        assert [o.proto.signals.used for o in outcomes if isinstance(o, GroupScored)] == [3]
        assert server.record.episodes == {"e0": 1, "e1": 2, "e2": 1}


@both
def test_a_deadline_gives_a_typed_failure(mode: str) -> None:
    with fake_server(Behaviour(silent_ids=frozenset({"e2"}))) as server:
        started = time.monotonic()
        outcomes = run(server.target, [episode(i) for i in range(5)], mode, deadline=0.5)
        assert time.monotonic() - started < 4
        failed = [o for o in outcomes if isinstance(o, Failed)]
        assert [f.episode_id for f in failed] == ["e2"]
        assert failed[0].error.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert len(outcomes) == 5


@both
def test_an_absent_server_fails_every_episode(mode: str) -> None:
    with fake_server() as server:
        server.stop()
        outcomes = run(server.target, [episode(i) for i in range(3)], mode, reconnect_timeout=0.5)
        assert [o.error.code for o in outcomes if isinstance(o, Failed)] == [grpc.StatusCode.UNAVAILABLE] * 3


@both
def test_a_server_that_comes_late_is_waited_for(mode: str) -> None:
    with fake_server(Behaviour(refuse_streams=3)) as server:
        assert len(scores(run(server.target, [episode(i) for i in range(3)], mode))) == 3


@both
def test_a_refused_stream_raises(mode: str) -> None:
    with fake_server(Behaviour(refuse_code=grpc.StatusCode.UNAUTHENTICATED)) as server:
        with pytest.raises(assay_rl.AssayError) as raised:
            run(server.target, [episode(i) for i in range(3)], mode)
        assert raised.value.error.code == grpc.StatusCode.UNAUTHENTICATED
        # grpc.aio can report a write that raced with the refusal as INTERNAL, which is tried again.
        assert server.record.streams <= 5


@both
def test_a_stream_that_never_answers_is_given_up(mode: str) -> None:
    with fake_server(Behaviour(refuse_code=grpc.StatusCode.UNAVAILABLE)) as server:
        outcomes = run(server.target, [episode(1)], mode, reconnect_timeout=1.0)
        assert isinstance(outcomes[0], Failed)


@both
def test_too_large_an_episode_is_not_sent(mode: str) -> None:
    with fake_server(Behaviour(max_episode_bytes=1000)) as server:
        outcomes = {
            o.episode_id: o  # type: ignore[union-attr]
            for o in run(server.target, [episode(1), episode(2, text="x" * 2000)], mode)
        }
        assert outcomes["e1"].ok
        failed = outcomes["e2"]
        assert isinstance(failed, Failed)
        assert failed.error.code == grpc.StatusCode.OUT_OF_RANGE
        assert server.record.episodes == {"e1": 1}


@both
def test_the_token_travels(mode: str) -> None:
    with fake_server() as server:
        run(server.target, [episode(1)], mode, token="secret")
        assert server.record.metadata[0]["authorization"] == "Bearer secret"


@both
def test_a_server_restart_loses_nothing(mode: str) -> None:
    with fake_server(Behaviour(credits=16, delay=0.001)) as server:
        record = server.record

        def restart() -> None:
            for n in (300, 700, 1100):
                while sum(record.episodes.values()) < n:
                    time.sleep(0.002)
                server.stop()
                server.start()

        thread = threading.Thread(target=restart)
        thread.start()
        outcomes = run(server.target, [episode(i) for i in range(2000)], mode)
        thread.join()
        assert scores(outcomes) == {f"e{i}": i / 10000 for i in range(2000)}
        assert record.streams >= 4


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


def test_an_evaluator_that_raises_fails_its_batch() -> None:
    def broken(asked: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        raise RuntimeError("out of memory")

    with fake_server(Behaviour(questions=1)) as server:
        run(server.target, [episode(1)], "sync", evaluator=broken)
        assert server.record.answers[0].error.message == "the evaluator raised RuntimeError: out of memory"


def test_an_evaluator_that_is_late_fails_its_batch() -> None:
    async def slow(asked: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        await asyncio.sleep(5)
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
            assert [f.result(5).ok for f in futures] == [True] * 3
            group = scorer.group("g").result(5)
            assert isinstance(group, GroupScored)
            assert scorer.submit(episode(9)).result(5).ok
        assert server.record.streams >= 1
        assert server.record.options[0] == b"\x08\x07"


def test_a_scorer_survives_a_restart_between_episodes() -> None:
    with fake_server() as server, assay_rl.Client(server.target) as client, client.open() as scorer:
        assert scorer.submit(episode(1)).result(5).ok
        server.stop()
        server.start()
        assert scorer.submit(episode(2)).result(5).ok


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


@both
def test_leaving_early_ends_the_stream(mode: str) -> None:
    with fake_server() as server:
        if mode == "sync":
            with assay_rl.Client(server.target) as client:
                for _ in client.score(episode(i) for i in range(100_000)):
                    break
        else:

            async def leave() -> None:
                async with assay_rl.AsyncClient(server.target) as client:
                    async for _ in client.score(episode(i) for i in range(100_000)):
                        break

            asyncio.run(leave())
        assert sum(server.record.episodes.values()) < 1000


def test_an_exception_of_the_input_reaches_the_caller() -> None:
    def broken() -> Iterator[Episode]:
        yield episode(1)
        raise KeyError("gone")

    with fake_server() as server, assay_rl.Client(server.target) as client, pytest.raises(KeyError):
        list(client.score(broken()))


def test_a_slow_reader_bounds_what_is_read_ahead() -> None:
    taken = 0

    def source() -> Iterator[episode_pb2.Episode]:
        nonlocal taken
        for i in range(2000):
            taken += 1
            yield episode(i).to_proto()

    with fake_server() as server, assay_rl.Client(server.target, window=10) as client:
        outcomes = client.score(source())
        next(outcomes)
        time.sleep(0.2)
        assert taken <= 13
        assert sum(1 for _ in outcomes) == 1999


def test_the_server_fixture_keeps_its_port() -> None:
    with fake_server() as server:
        port = server.port
        server.stop()
        server.start()
        assert isinstance(server, FakeServer)
        assert server.port == port
