"""A SignalService in this process that follows the stream protocol and misbehaves on request.

It computes nothing: a result carries the episode's id and the score that the episode came with.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from assayd import HANGS

from assay_rl.v1 import episode_pb2, evaluator_service_pb2, signal_service_pb2, signal_service_pb2_grpc

Response = signal_service_pb2.StreamSignalsResponse


@dataclass
class Behaviour:
    credits: int = 8
    byte_credits: int = 1 << 20
    max_episode_bytes: int = 0
    cut_after: int = 0  # results after which a connection is aborted with UNAVAILABLE; 0: never
    cuts: int = 1 << 30  # connections that are aborted so
    go_away_after: int = 0  # results after which go_away is sent, once a connection
    grace: float = HANGS
    refuse_streams: int = 0  # first streams that are refused with UNAVAILABLE
    refuse_code: grpc.StatusCode | None = None  # every stream ends with this code
    silent_ids: frozenset[str] = frozenset()  # episodes that are never answered
    silent_streams: int = 1 << 30  # first streams that leave them unanswered
    failing_ids: frozenset[str] = frozenset()  # episodes that are answered with an error
    retry_ids: Collection[str] = ()  # answered with retry_after, as often as they stand here
    repeat_results: bool = False  # every result comes twice
    delay: float = 0.0  # seconds before each answer
    questions: int = 0  # asked before an episode's result
    question_timeout: float = 0.0
    hold_groups: bool = False  # group results are withheld until the half-close


@dataclass
class Record:
    """What the service saw."""

    streams: int = 0
    episodes: Counter[str] = field(default_factory=Counter)
    max_in_flight: int = 0
    answers: list[evaluator_service_pb2.EvaluateResponse] = field(default_factory=list)
    options: list[bytes] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)


class FakeSignals(signal_service_pb2_grpc.SignalServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.record = Record()
        self.to_turn_away = Counter(behaviour.retry_ids)

    async def StreamSignals(  # noqa: N802 (the name is the wire's)
        self, requests: AsyncIterator[signal_service_pb2.StreamSignalsRequest], context: Any
    ) -> AsyncIterator[Response]:
        self.record.streams += 1
        self.record.metadata.append(dict(context.invocation_metadata()))
        if self.behaviour.refuse_code is not None:
            await context.abort(self.behaviour.refuse_code, "refused by the test")
        if self.record.streams <= self.behaviour.refuse_streams:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "refused by the test")
        first = await anext(requests)
        assert first.WhichOneof("message") == "options", "the first request must be options"
        self.record.options.append(first.options.SerializeToString())
        out: asyncio.Queue[Response | None] = asyncio.Queue()
        stream = _Stream(self, out)
        ready = signal_service_pb2.StreamReady(
            options=first.options,
            max_episodes_in_flight=self.behaviour.credits,
            max_bytes_in_flight=self.behaviour.byte_credits,
        )
        ready.limits.max_episode_bytes = self.behaviour.max_episode_bytes
        yield Response(ready=ready)
        reader = asyncio.create_task(stream.read(requests))
        results = 0
        try:
            while (response := await out.get()) is not None:
                yield response
                if not response.HasField("result"):
                    continue
                results += 1
                if results == self.behaviour.go_away_after:
                    go_away = signal_service_pb2.GoAway(reason="test")
                    go_away.grace.FromMilliseconds(int(1000 * self.behaviour.grace))
                    yield Response(go_away=go_away)
                if results == self.behaviour.cut_after and self.record.streams <= self.behaviour.cuts:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "cut by the test")
        finally:
            reader.cancel()

    async def ComputeSignals(self, request: Any, context: Any) -> signal_service_pb2.ComputeSignalsResponse:  # noqa: N802
        return signal_service_pb2.ComputeSignalsResponse(results=[result_of(e, frozenset()) for e in request.episodes])

    async def GetServerInfo(self, request: Any, context: Any) -> signal_service_pb2.GetServerInfoResponse:  # noqa: N802
        return signal_service_pb2.GetServerInfoResponse(version="fake")


class _Stream:
    def __init__(self, service: FakeSignals, out: asyncio.Queue[Response | None]) -> None:
        self.service = service
        self.number = service.record.streams
        self.out = out
        self.in_flight = 0
        self.groups: dict[str, list[str]] = {}
        self.sizes: dict[str, int] = {}
        self.waiting: dict[str, asyncio.Future[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def read(self, requests: AsyncIterator[signal_service_pb2.StreamSignalsRequest]) -> None:
        async for request in requests:
            kind = request.WhichOneof("message")
            if kind == "episode":
                self.in_flight += 1
                record = self.service.record
                record.max_in_flight = max(record.max_in_flight, self.in_flight)
                record.episodes[request.episode.id] += 1
                task = asyncio.create_task(self.answer(request.episode))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            elif kind == "evaluation":
                self.service.record.answers.append(request.evaluation)
                self.waiting.pop(request.evaluation.evaluation_id).set_result(None)
        await asyncio.gather(*self.tasks)
        for group in list(self.groups):
            self.close_group(group)
        self.out.put_nowait(None)

    async def answer(self, episode: episode_pb2.Episode) -> None:
        behaviour = self.service.behaviour
        await asyncio.sleep(behaviour.delay)
        if episode.id in behaviour.silent_ids and self.number <= behaviour.silent_streams:
            await asyncio.Event().wait()
        for number in range(behaviour.questions):
            await self.ask(episode, number)
        result = result_of(episode, behaviour.failing_ids)
        if self.service.to_turn_away[episode.id] > 0:
            self.service.to_turn_away[episode.id] -= 1
            result = signal_service_pb2.EpisodeResult(episode_id=episode.id)
            result.error.code = grpc.StatusCode.UNAVAILABLE.value[0]
            result.error.retry_after.FromMilliseconds(20)
        turned_away = result.error.HasField("retry_after")
        self.in_flight -= 1
        for _ in range(2 if behaviour.repeat_results else 1):
            self.out.put_nowait(Response(result=result))
        if episode.HasField("group") and not turned_away:  # such a member is not counted
            self.groups.setdefault(episode.group.id, []).append(episode.id)
            self.sizes[episode.group.id] = episode.group.size
            whole = 0 < episode.group.size <= len(self.groups[episode.group.id])
            if whole and not behaviour.hold_groups:
                self.close_group(episode.group.id)

    async def ask(self, episode: episode_pb2.Episode, number: int) -> None:
        request = evaluator_service_pb2.EvaluateRequest(
            evaluation_id=f"{episode.id}/{number}", episode_id=episode.id, seed=number
        )
        request.questions.add().counterfactual.coalition.agents.append(number)
        if self.service.behaviour.question_timeout:
            request.timeout.FromMilliseconds(int(1000 * self.service.behaviour.question_timeout))
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[request.evaluation_id] = answered
        self.out.put_nowait(Response(evaluate=request))
        await answered

    def close_group(self, group_id: str) -> None:
        result = signal_service_pb2.GroupResult(group_id=group_id)
        members = self.groups.pop(group_id)
        used = [i for i in members if i not in self.service.behaviour.failing_ids]
        if used:
            result.signals.used = len(used)
            for member in sorted(used):
                result.signals.episodes.add(episode_id=member)
        else:
            result.error.code = grpc.StatusCode.FAILED_PRECONDITION.value[0]
        self.out.put_nowait(Response(group=result))
        if self.service.behaviour.repeat_results:
            self.out.put_nowait(Response(group=result))


def result_of(episode: episode_pb2.Episode, failing: frozenset[str]) -> signal_service_pb2.EpisodeResult:
    result = signal_service_pb2.EpisodeResult(episode_id=episode.id)
    if episode.id in failing:
        result.error.code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
        result.error.message = "refused by the test"
        result.error.violations.add(field="messages[0].process_score", description="out of range")
    else:
        result.signals.episode_id = episode.id
        result.signals.score = episode.outcome.score
    return result


class FakeServer:
    """Runs a FakeSignals on a loop of its own; stop() and start() keep the port."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.service = FakeSignals(behaviour)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: grpc.aio.Server | None = None
        self.start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def record(self) -> Record:
        return self.service.record

    def start(self) -> None:
        async def start() -> None:
            self._server = grpc.aio.server()
            signal_service_pb2_grpc.add_SignalServiceServicer_to_server(self.service, self._server)
            self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
            await self._server.start()

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(HANGS)

    def stop(self) -> None:
        async def stop() -> None:
            if self._server is not None:
                await self._server.stop(None)
            self._server = None

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(HANGS)

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(HANGS)
        self._loop.close()


@contextlib.contextmanager
def fake_server(behaviour: Behaviour | None = None) -> Iterator[FakeServer]:
    server = FakeServer(behaviour or Behaviour())
    try:
        yield server
    finally:
        server.close()
