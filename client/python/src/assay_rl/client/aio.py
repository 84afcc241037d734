"""The asyncio client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import Message as ProtoMessage

from assay_rl.client.channel import SERVICE
from assay_rl.client.connection import Connection
from assay_rl.client.episodes import EpisodeLike, to_proto
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.local import shared_target
from assay_rl.client.outcomes import (
    AssayError,
    Batch,
    EpisodeOutcome,
    Error,
    Failed,
    GroupOutcome,
    Outcome,
    Scored,
    episode_outcome,
    group_outcome,
)
from assay_rl.client.process import check_owner, check_process
from assay_rl.client.scorer import AsyncScorer
from assay_rl.v1 import options_pb2, signal_service_pb2, signals_pb2

Options: TypeAlias = "options_pb2.AttributionOptions | Mapping[str, Any]"


def options_proto(options: Options | None) -> options_pb2.AttributionOptions:
    """Options as a protobuf message; a mapping is read by the proto3 JSON mapping and must name known fields only."""
    if options is None:
        return options_pb2.AttributionOptions()
    if isinstance(options, options_pb2.AttributionOptions):
        return options
    return json_format.ParseDict(dict(options), options_pb2.AttributionOptions())


class AsyncClient:
    """A connection to the service for one event loop.

    target: HOST:PORT, unix:PATH, or any gRPC target; several addresses are used round robin, stream by stream. None: a
    private server of this process, which the first such client starts (see assay_rl.local).
    credentials: None for plaintext. token: sent as a bearer token with every call.
    deadline: seconds from hand-over after which an unanswered episode is Failed with DEADLINE_EXCEEDED; None waits.
    connect_timeout: the same for a server that was never there; the error names its address and what refused.
    reconnect_timeout: seconds without a connection after which everything unanswered is Failed with UNAVAILABLE.
    window: episodes taken from the caller whose outcome has not been fetched yet, at most.
    evaluator_threads: threads for evaluators that are plain functions.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        deadline: float | None = None,
        connect_timeout: float = 2.0,
        reconnect_timeout: float = 30.0,
        window: int = 256,
        evaluator_threads: int = 4,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        check_process()
        self._process = os.getpid()
        if target is None:
            target = shared_target()
        self._connection = Connection(
            target,
            credentials=credentials,
            token=token,
            connect_timeout=connect_timeout,
            reconnect_timeout=reconnect_timeout,
            evaluator_threads=evaluator_threads,
            channel_options=channel_options,
        )
        self._deadline = float("inf") if deadline is None else deadline
        self._window = window

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all streams; what is unanswered is Failed with CANCELLED."""
        await self._connection.close()

    def open(
        self, options: Options | None = None, *, evaluator: Evaluator | None = None, deadline: float | None = None
    ) -> AsyncScorer:
        """A scorer that stays open: submit episodes as they come, await each one's outcome."""
        check_owner(self._process)
        deadline = self._deadline if deadline is None else deadline
        return AsyncScorer(self._connection, options_proto(options), evaluator, deadline)

    async def score(
        self,
        episodes: Iterable[EpisodeLike] | AsyncIterable[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
    ) -> AsyncIterator[Outcome]:
        """Streams episodes and yields one outcome for each, in completion order, and one for each group.

        Where `episodes` raises, what it gave before is finished and yielded first; then that exception is raised.
        Raises AssayError where the stream as a whole is refused (bad options, no permission).
        """
        scorer = self.open(options, evaluator=evaluator, deadline=deadline)
        outcomes = _TaskOutbox(asyncio.get_running_loop(), lambda: scorer.unanswered)
        room = asyncio.Semaphore(self._window)
        scorer.on_group(outcomes.put)

        async def feed() -> None:
            try:
                try:
                    async for episode in _iterate(episodes):
                        await room.acquire()
                        scorer.add(episode, outcomes.put)
                finally:
                    if not stopped:
                        await scorer.finish()
            finally:
                outcomes.close()

        stopped = False
        fetched, chunk = 0, max(1, self._window // 16)
        feeder = asyncio.create_task(feed())
        try:
            async for held in outcomes:
                for outcome in held:
                    if isinstance(outcome, (Scored, Failed)):
                        fetched += 1
                        if fetched == chunk:  # one wake-up of the feeder for several episodes
                            fetched = 0
                            for _ in range(chunk):
                                room.release()
                    yield outcome
            await feeder
        finally:
            stopped = True
            feeder.cancel()
            await scorer.abort(Error(grpc.StatusCode.CANCELLED, "the caller stopped listening"))

    async def score_batch(
        self,
        episodes: Sequence[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
    ) -> Batch:
        """Outcomes in the order of the episodes, and the groups by id. Ids must be distinct."""
        collected = Collector([e.id for e in episodes])
        async for outcome in self.score(episodes, options=options, evaluator=evaluator, deadline=deadline):
            collected.add(outcome)
        return collected.batch()

    async def compute(
        self, episodes: Sequence[EpisodeLike], *, options: Options | None = None, timeout: float | None = None
    ) -> Batch:
        """One call for one episode or whole groups, retried where the server is away. Raises AssayError."""
        request = signal_service_pb2.ComputeSignalsRequest(
            options=options_proto(options), episodes=[to_proto(e) for e in episodes]
        )
        response: signal_service_pb2.ComputeSignalsResponse = await self._unary(
            "ComputeSignals", request, signal_service_pb2.ComputeSignalsResponse, timeout
        )
        collected = Collector([e.id for e in request.episodes])
        for result in response.results:
            collected.add(episode_outcome(result))
        for group in response.groups:
            collected.add(group_outcome(group))
        return collected.batch()

    async def advantages(
        self,
        signals: Iterable[signals_pb2.EpisodeSignals],
        *,
        options: options_pb2.AdvantageOptions | Mapping[str, Any] | None = None,
        value_range: tuple[float, float] | None = None,
        timeout: float | None = None,
    ) -> dict[str, GroupOutcome]:
        """Advantages of groups whose episodes were scored anywhere, by group id. Raises AssayError."""
        request = advantages_request(signals, options, value_range)
        response: signal_service_pb2.ComputeAdvantagesResponse = await self._unary(
            "ComputeAdvantages", request, signal_service_pb2.ComputeAdvantagesResponse, timeout
        )
        return {group.group_id: group_outcome(group) for group in response.groups}

    async def info(self, *, timeout: float | None = 10.0) -> signal_service_pb2.GetServerInfoResponse:
        """Version, limits and named evaluators of the server. Raises AssayError."""
        response: signal_service_pb2.GetServerInfoResponse = await self._unary(
            "GetServerInfo",
            signal_service_pb2.GetServerInfoRequest(),
            signal_service_pb2.GetServerInfoResponse,
            timeout,
        )
        return response

    async def _unary(self, method: str, request: ProtoMessage, reply: type[Any], timeout: float | None) -> Any:
        check_owner(self._process)
        call = self._connection.channel.unary_unary(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString,
        )
        try:
            response = await call(request, timeout=timeout, metadata=self._connection.metadata)
        except grpc.aio.AioRpcError as failure:
            raise AssayError(self._connection.explained(Error(failure.code(), failure.details() or ""))) from failure
        except asyncio.CancelledError:
            self._connection.unsettled = True
            raise
        if response is None:  # what gRPC makes of bytes that it cannot parse
            raise AssayError(Error(grpc.StatusCode.INTERNAL, f"the server's answer is no {reply.DESCRIPTOR.name}"))
        return response


def advantages_request(
    signals: Iterable[signals_pb2.EpisodeSignals],
    options: options_pb2.AdvantageOptions | Mapping[str, Any] | None,
    value_range: tuple[float, float] | None,
) -> signal_service_pb2.ComputeAdvantagesRequest:
    if not isinstance(options, options_pb2.AdvantageOptions):
        options = json_format.ParseDict(dict(options or {}), options_pb2.AdvantageOptions())
    request = signal_service_pb2.ComputeAdvantagesRequest(options=options, episodes=signals)
    if value_range is not None:
        request.value_range.low, request.value_range.high = value_range
    return request


_MOST_HELD = 32
_HOLD_SECONDS = 0.005  # longer than the kernel's tick: arming a timer before it costs as much as an episode


class Outbox:
    """Holds outcomes back so that the caller is woken for many of them: while more are to come than it holds, 32 at
    most, an outcome waits for them 5 ms at most.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, unanswered: Callable[[], int]) -> None:
        self._loop = loop
        self._unanswered = unanswered
        self._held: list[Outcome] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, outcome: Outcome) -> None:
        self._held.append(outcome)
        held = len(self._held)
        if held >= _MOST_HELD or held >= self._unanswered():
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_HOLD_SECONDS, self.flush)

    def flush(self) -> None:
        """Hands over what is held at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def _wake(self) -> None:
        """Hands over what is held."""
        raise NotImplementedError


class _TaskOutbox(Outbox):
    """Takes outcomes to the caller's task."""

    def __init__(self, loop: asyncio.AbstractEventLoop, unanswered: Callable[[], int]) -> None:
        super().__init__(loop, unanswered)
        self._ready = asyncio.Event()
        self._closed = False

    def _wake(self) -> None:
        self._ready.set()

    def close(self) -> None:
        """Iteration ends after what was put before."""
        self._closed = True
        self.flush()

    async def __aiter__(self) -> AsyncIterator[list[Outcome]]:
        while self._held or not self._closed:
            await self._ready.wait()
            self._ready.clear()
            outcomes, self._held = self._held, []
            yield outcomes


class Collector:
    """Puts outcomes back into the order of their episodes."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._places = {episode_id: place for place, episode_id in enumerate(ids)}
        if len(self._places) != len(ids):
            raise ValueError("the episodes of a batch need distinct ids")
        self._outcomes: list[EpisodeOutcome | None] = [None] * len(ids)
        self._groups: dict[str, GroupOutcome] = {}

    def add(self, outcome: Outcome) -> None:
        if isinstance(outcome, (Scored, Failed)):
            place = self._places.get(outcome.episode_id)
            if place is not None:  # else an answer that nobody asked for
                self._outcomes[place] = outcome
        else:
            self._groups[outcome.group_id] = outcome

    def batch(self) -> Batch:
        missing = Error(grpc.StatusCode.INTERNAL, "the server sent no result for this episode")
        return Batch([o or Failed(i, missing) for i, o in zip(self._places, self._outcomes, strict=True)], self._groups)


async def _iterate(episodes: Iterable[EpisodeLike] | AsyncIterable[EpisodeLike]) -> AsyncIterator[EpisodeLike]:
    if isinstance(episodes, AsyncIterable):
        async for episode in episodes:
            yield episode
    else:
        for episode in episodes:
            yield episode
