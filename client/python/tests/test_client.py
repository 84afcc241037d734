"""Client and AsyncClient against a service that follows the protocol and misbehaves on request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import grpc
import pytest
from assayd import HANGS, LIMITS
from both_clients import both, episode, run, scores
from fake_service import Behaviour, FakeServer, fake_server

import assay_rl
from assay_rl import Episode, Failed, Group, GroupScored, Message
from assay_rl.client.connection import Connection
from assay_rl.client.outcomes import Error
from assay_rl.v1 import episode_pb2


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
    def codes(deadline: float) -> list[str]:
        with fake_server(Behaviour(silent_ids=frozenset({"e1"}))) as server:
            outcomes = run(server.target, [episode(1), episode(1), Episode("", [])], mode, deadline=deadline)
        return sorted(o.error.code.name for o in outcomes if isinstance(o, Failed))

    assert ["ALREADY_EXISTS", "DEADLINE_EXCEEDED", "INVALID_ARGUMENT"] in map(codes, LIMITS)


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
    behaviour = Behaviour(go_away_after=3, grace=0.1, silent_ids=frozenset({"e1"}), silent_streams=1, credits=4)
    with fake_server(behaviour) as server:
        outcomes = run(server.target, [episode(i) for i in range(12)], mode, deadline=HANGS)
        assert set(scores(outcomes)) == {f"e{i}" for i in range(12)}
        assert server.record.streams >= 2
        assert server.record.episodes["e1"] >= 2


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
    def failed(deadline: float) -> list[str]:
        with fake_server(Behaviour(silent_ids=frozenset({"e2"}))) as server:
            outcomes = run(server.target, [episode(i) for i in range(5)], mode, deadline=deadline)
        assert len(outcomes) == 5
        failures = [o for o in outcomes if isinstance(o, Failed)]
        assert {f.error.code for f in failures} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        return [f.episode_id for f in failures]

    assert ["e2"] in map(failed, LIMITS)


@both
def test_an_absent_server_fails_every_episode(mode: str) -> None:
    with fake_server() as server:
        server.stop()
        outcomes = run(server.target, [episode(i) for i in range(3)], mode, connect_timeout=0.5)
        assert [o.error.code for o in outcomes if isinstance(o, Failed)] == [grpc.StatusCode.UNAVAILABLE] * 3


@pytest.mark.parametrize("said", ["Endpoint read failed", "Connection reset by peer", "Broken pipe"])
def test_a_connection_closed_before_the_answer_names_the_certificate(said: str) -> None:
    async def explained() -> Error:
        connection = Connection(
            "127.0.0.1:1", credentials=None, token=None, connect_timeout=1, reconnect_timeout=1, evaluator_threads=1,
            channel_options=(),
        )  # fmt: skip
        try:
            return connection.explained(Error(grpc.StatusCode.UNAVAILABLE, f"failed to connect: {said}"))
        finally:
            await connection.close()

    assert "refuses our certificate or misses it" in asyncio.run(explained()).message


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
        outcomes = run(server.target, [episode(1)], mode, connect_timeout=1.0)
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
