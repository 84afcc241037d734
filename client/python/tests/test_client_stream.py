"""How the client reads its stream, and how it hands over what it has read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from test_client import episode, run

from assay_rl import Failed, Outcome
from assay_rl.client.aio import Outbox
from assay_rl.client.outcomes import Error
from assay_rl.client.session import Session
from assay_rl.v1 import options_pb2, signal_service_pb2


def failed(number: int) -> Outcome:
    return Failed(f"e{number}", Error(grpc.StatusCode.UNKNOWN, ""))


class Loop:
    """A loop whose timers fire when they are told to."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Loop:
        self.timers.append((delay, callback))
        return self

    def cancel(self) -> None:
        self.timers.clear()


class Woken(Outbox):
    """Remembers how many outcomes each wake-up of the caller brought."""

    def __init__(self, loop: Any, unanswered: Callable[[], int]) -> None:
        super().__init__(loop, unanswered)
        self.brought: list[int] = []

    def _wake(self) -> None:
        self.brought.append(len(self._held))
        self._held = []


def test_the_last_outcome_wakes_the_caller_at_once() -> None:
    loop = Loop()
    outbox = Woken(loop, lambda: 0)
    outbox.put(failed(0))
    assert outbox.brought == [1]
    assert not loop.timers


def test_outcomes_are_held_while_more_of_them_are_to_come_than_are_held() -> None:
    loop, left = Loop(), iter(range(9, -1, -1))
    outbox = Woken(loop, lambda: next(left))
    for number in range(10):
        outbox.put(failed(number))
    assert outbox.brought == [5, 3, 1, 1]
    assert not loop.timers  # each wake-up took its timer back


def test_a_caller_far_behind_is_woken_for_32_and_a_slow_stream_after_5_ms() -> None:
    loop = Loop()
    outbox = Woken(loop, lambda: 1000)
    for number in range(35):
        outbox.put(failed(number))
    assert outbox.brought == [32]
    ((delay, fire),) = loop.timers
    assert delay == 0.005
    fire()
    assert outbox.brought == [32, 3]


def test_a_session_counts_what_has_no_outcome_yet() -> None:
    session = Session(options_pb2.AttributionOptions(), lambda _: None, float("inf"))
    counts: list[int] = []
    for number in range(3):
        session.add(episode(number), lambda _: counts.append(session.unanswered), 0)
    session.add(episode(0), lambda _: None, 0)  # refused: its id is there
    assert session.unanswered == 3
    session.ready(signal_service_pb2.StreamReady(max_episodes_in_flight=8))
    while session.next_request(0) is not None:
        pass
    for number in range(2):
        session.result(signal_service_pb2.EpisodeResult(episode_id=f"e{number}"), 0)
    session.fail(Error(grpc.StatusCode.CANCELLED, ""))
    assert counts == [2, 1, 0]


@pytest.fixture
def answers_nonsense() -> Iterator[str]:
    """A server whose first response is no message."""

    def stream(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        next(requests)
        yield b"\xff\xff\xff"

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {"StreamSignals": grpc.stream_stream_rpc_method_handler(stream)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("assay.v1.SignalService", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_bytes_that_are_no_response_are_told(mode: str, answers_nonsense: str) -> None:
    (outcome,) = run(answers_nonsense, [episode(1)], mode, connect_timeout=0.2)
    assert isinstance(outcome, Failed)
    assert outcome.error.code == grpc.StatusCode.INTERNAL
    assert "no StreamSignalsResponse" in outcome.error.message


def test_a_loop_may_end_right_after_a_stream_that_was_cut(capfd: pytest.CaptureFixture[str]) -> None:
    """gRPC would complain about events that come for a loop that is closed."""
    from fake_service import Behaviour, fake_server

    import assay_rl

    async def first_of(target: str, count: int, taken: int) -> None:
        async with assay_rl.AsyncClient(target) as client:
            async for _ in client.score([episode(i) for i in range(count)]):
                taken -= 1
                if taken == 0:
                    break

    with fake_server(Behaviour()) as server:
        for number in range(20):
            asyncio.run(first_of(server.target, 1 + number % 5, 0))
            asyncio.run(first_of(server.target, 20, 1 + number % 7))
    assert capfd.readouterr().err == ""
