"""The asyncio client."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import Message as ProtoMessage

from assay._session import Session, Sink
from assay.episodes import EpisodeLike, to_proto
from assay.evaluators import Evaluator, respond
from assay.outcomes import (
    AssayError,
    Batch,
    EpisodeOutcome,
    Error,
    Failed,
    GroupFailed,
    GroupOutcome,
    GroupScored,
    Outcome,
    Scored,
    episode_outcome,
    group_outcome,
)
from assay.v1 import evaluator_service_pb2, options_pb2, signal_service_pb2, signals_pb2

log = logging.getLogger("assay")

Options: TypeAlias = "options_pb2.AttributionOptions | Mapping[str, Any]"

_SERVICE = "/assay.v1.SignalService/"
_MAX_MESSAGE_BYTES = 64 << 20
# A new stream cures none of these.
_FATAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
_FRUITLESS_STREAMS = 10  # in a row that were lost without a single result
_DRAIN_SECONDS = 5.0
_FAREWELL_SECONDS = 2.0  # for the server to end a stream after the half-close
_TICK_SECONDS = 0.05

_CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    (
        "grpc.service_config",
        json.dumps(
            {
                "loadBalancingConfig": [{"round_robin": {}}],
                "methodConfig": [
                    {
                        "name": [
                            {"service": "assay.v1.SignalService", "method": method}
                            for method in ("ComputeSignals", "ComputeAdvantages", "GetServerInfo")
                        ],
                        "retryPolicy": {
                            "maxAttempts": 5,
                            "initialBackoff": "0.1s",
                            "maxBackoff": "2s",
                            "backoffMultiplier": 2,
                            "retryableStatusCodes": ["UNAVAILABLE"],
                        },
                    }
                ],
            }
        ),
    ),
]


def options_proto(options: Options | None) -> options_pb2.AttributionOptions:
    """Options as a protobuf message; a mapping is read by the proto3 JSON mapping and must name known fields only."""
    if options is None:
        return options_pb2.AttributionOptions()
    if isinstance(options, options_pb2.AttributionOptions):
        return options
    return json_format.ParseDict(dict(options), options_pb2.AttributionOptions())


class AsyncClient:
    """A connection to the service for one event loop.

    target: HOST:PORT, or any gRPC target; several addresses are used round robin, stream by stream.
    credentials: None for plaintext. token: sent as a bearer token with every call.
    deadline: seconds from hand-over after which an unanswered episode is Failed with DEADLINE_EXCEEDED; None waits.
    reconnect_timeout: seconds without a connection after which everything unanswered is Failed with UNAVAILABLE.
    window: episodes taken from the caller whose outcome has not been fetched yet, at most.
    evaluator_threads: threads for evaluators that are plain functions.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        deadline: float | None = None,
        reconnect_timeout: float = 30.0,
        window: int = 256,
        evaluator_threads: int = 4,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        options = [*_CHANNEL_OPTIONS, *channel_options]
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options=options)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._deadline = float("inf") if deadline is None else deadline
        self._reconnect_timeout = reconnect_timeout
        self._window = window
        self._executor = ThreadPoolExecutor(evaluator_threads, thread_name_prefix="assay-evaluator")
        self._scorers: set[AsyncScorer] = set()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all streams; what is unanswered is Failed with CANCELLED."""
        for scorer in list(self._scorers):
            await scorer.abort(Error(grpc.StatusCode.CANCELLED, "the client was closed"))
        await self._channel.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def open(
        self, options: Options | None = None, *, evaluator: Evaluator | None = None, deadline: float | None = None
    ) -> AsyncScorer:
        """A scorer that stays open: submit episodes as they come, await each one's outcome."""
        return AsyncScorer(self, options_proto(options), evaluator, self._deadline if deadline is None else deadline)

    async def score(
        self,
        episodes: Iterable[EpisodeLike] | AsyncIterable[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
    ) -> AsyncIterator[Outcome]:
        """Streams episodes and yields one outcome for each, in completion order, and one for each group.

        Raises AssayError where the stream as a whole is refused (bad options, no permission).
        """
        scorer = self.open(options, evaluator=evaluator, deadline=deadline)
        outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        room = asyncio.Semaphore(self._window)
        scorer.on_group(outcomes.put_nowait)

        async def feed() -> None:
            try:
                async for episode in _iterate(episodes):
                    await room.acquire()
                    scorer.add(episode, outcomes.put_nowait)
                await scorer.finish()
            finally:
                outcomes.put_nowait(None)

        fetched, chunk = 0, max(1, self._window // 16)
        feeder = asyncio.create_task(feed())
        try:
            while (outcome := await outcomes.get()) is not None:
                if isinstance(outcome, (Scored, Failed)):
                    fetched += 1
                    if fetched == chunk:  # one wake-up of the feeder for several episodes
                        fetched = 0
                        for _ in range(chunk):
                            room.release()
                yield outcome
            await feeder
        finally:
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
        call = self._channel.unary_unary(
            _SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString,
        )
        try:
            return await call(request, timeout=timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            raise AssayError(Error(failure.code(), failure.details() or "")) from failure


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


class AsyncScorer:
    """One logical stream with fixed options, over as many connections as it takes. Made by AsyncClient.open()."""

    def __init__(
        self,
        client: AsyncClient,
        options: options_pb2.AttributionOptions,
        evaluator: Evaluator | None,
        deadline: float,
    ) -> None:
        if evaluator is not None and options.WhichOneof("evaluator") is None:
            with_caller = options_pb2.AttributionOptions()
            with_caller.CopyFrom(options)
            with_caller.caller.SetInParent()
            options = with_caller
        if (options.WhichOneof("evaluator") == "caller") != (evaluator is not None):
            raise ValueError("options.caller and an evaluator function go together")
        self._client = client
        self._evaluator = evaluator
        self._session = Session(options, self._group_done, deadline)
        self._group_sink: Sink | None = None
        self._group_futures: dict[str, asyncio.Future[GroupOutcome]] = {}
        self._early_groups: dict[str, GroupOutcome] = {}
        self._wake = asyncio.Event()
        self._input_finished = False
        self._questions: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None
        self._refused: AssayError | None = None
        self._reached_server = False
        self._cut = False
        self._drain_until = 0.0
        self._call: Any = None
        self.resolved: options_pb2.AttributionOptions | None = None
        """Options as the server resolved them; None before the first connection."""
        self.connections = 0
        """Streams opened so far."""

    async def __aenter__(self) -> AsyncScorer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.finish()
        else:
            await self.abort(Error(grpc.StatusCode.CANCELLED, "the scorer was left with an exception"))

    # Handing over.

    def add(self, episode: EpisodeLike, sink: Sink) -> None:
        """Queues an episode; `sink` is called in the loop with its outcome, exactly once. Must not block or raise."""
        if self._refused is not None:
            raise self._refused
        if self._input_finished:
            raise RuntimeError("the scorer is finished")
        loop = asyncio.get_running_loop()
        self._session.add(episode, sink, loop.time())
        if self._runner is None:
            self._client._scorers.add(self)
            self._runner = loop.create_task(self._run())
        self._wake.set()

    def submit(self, episode: EpisodeLike) -> asyncio.Future[EpisodeOutcome]:
        """Queues an episode and returns a future of its outcome. Limiting how many are open is up to the caller."""
        future: asyncio.Future[EpisodeOutcome] = asyncio.get_running_loop().create_future()

        def resolve(outcome: Outcome) -> None:
            assert isinstance(outcome, (Scored, Failed))
            if not future.done():
                future.set_result(outcome)

        self.add(episode, resolve)
        return future

    def group(self, group_id: str) -> asyncio.Future[GroupOutcome]:
        """A future of the outcome of a group, asked for before or after its episodes are answered, once."""
        future: asyncio.Future[GroupOutcome] = asyncio.get_running_loop().create_future()
        if group_id in self._early_groups:
            future.set_result(self._early_groups.pop(group_id))
        else:
            self._group_futures[group_id] = future
        return future

    def on_group(self, sink: Sink) -> None:
        """Sends the outcomes of all groups to `sink` instead of group()."""
        self._group_sink = sink

    def _group_done(self, outcome: Outcome) -> None:
        assert isinstance(outcome, (GroupScored, GroupFailed))
        if self._group_sink is not None:
            self._group_sink(outcome)
            return
        future = self._group_futures.pop(outcome.group_id, None)
        if future is None:
            self._early_groups[outcome.group_id] = outcome
            while len(self._early_groups) > 4096:  # nobody asks for them
                self._early_groups.pop(next(iter(self._early_groups)))
        elif not future.done():
            future.set_result(outcome)

    async def finish(self) -> None:
        """No more episodes: waits until everything is answered, then closes. Raises AssayError if refused."""
        self._input_finished = True
        self._wake.set()
        if self._runner is not None:
            await asyncio.shield(self._runner)
        if self._refused is not None:
            raise self._refused

    async def abort(self, error: Error) -> None:
        """Ends at once: everything unanswered is Failed with `error`."""
        self._input_finished = True
        runner = self._runner
        if runner is not None and not runner.done():
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)
        self._session.fail(error)

    # The connection.

    async def _run(self) -> None:
        """Opens streams until nothing is unanswered. add() starts it again."""
        ticker = asyncio.create_task(self._tick())
        loop = asyncio.get_running_loop()
        fruitless, last_success, delay = 0, loop.time(), 0.1
        try:
            while not self._session.done:
                before = self._session.delivered
                error = await self._connection()
                self._session.lost()
                if error is not None and error.code in _FATAL:
                    self._refused = AssayError(error)
                    self._session.fail(error)
                    return
                now = loop.time()
                if self._session.delivered > before:
                    fruitless, last_success, delay = 0, now, 0.1
                    if error is None:
                        continue
                elif self._reached_server:
                    fruitless += 1
                if self._session.done:
                    return
                error = error or Error(grpc.StatusCode.UNAVAILABLE, "the server sends streams away without a result")
                if fruitless >= _FRUITLESS_STREAMS or now - last_success > self._client._reconnect_timeout:
                    self._session.fail(error)
                    return
                log.warning("stream lost (%s), opening another in %.1f s at most", error, delay)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, 2.0)
        finally:
            ticker.cancel()
            self._client._scorers.discard(self)
            self._runner = None

    async def _connection(self) -> Error | None:
        """One stream from options to its end. Returns why it was lost, None where it ended in order."""
        self._reached_server = self._cut = False
        self.connections += 1
        call: Any = self._client._channel.stream_stream(
            _SERVICE + "StreamSignals",
            response_deserializer=signal_service_pb2.StreamSignalsResponse.FromString,
        )(metadata=self._client._metadata)
        self._call = call
        writer = asyncio.create_task(self._write(call))
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                self._received(response)
                if self._session.drained:
                    return None
            code, details = await call.code(), await call.details()
            if code == grpc.StatusCode.OK and not self._session.in_order:
                return Error(grpc.StatusCode.UNAVAILABLE, "the server ended the stream before it answered everything")
            return None if code == grpc.StatusCode.OK else Error(code, details or "")
        except grpc.aio.AioRpcError as failure:
            return None if self._session.draining else Error(failure.code(), failure.details() or "")
        except asyncio.CancelledError:
            if self._cut:
                return None
            raise
        finally:
            self._call = None
            writer.cancel()
            call.cancel()
            for question in list(self._questions):
                question.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def _cut_connection(self) -> None:
        if self._call is not None:
            self._cut = True
            self._call.cancel()

    def _received(self, response: signal_service_pb2.StreamSignalsResponse) -> None:
        loop = asyncio.get_running_loop()
        kind = response.WhichOneof("message")
        if kind == "result":
            self._session.result(response.result, loop.time())
        elif kind == "group":
            self._session.group_result(response.group, loop.time())
        elif kind == "evaluate":
            self._ask(response.evaluate)
        elif kind == "ready":
            self._reached_server = True
            self.resolved = response.ready.options
            self._session.ready(response.ready)
        elif kind == "go_away" and not self._session.draining:
            log.info("told to go away: %s", response.go_away.reason)
            self._session.draining = True
            self._drain_until = loop.time() + min(response.go_away.grace.ToTimedelta().total_seconds(), _DRAIN_SECONDS)
        self._wake.set()

    def _ask(self, request: evaluator_service_pb2.EvaluateRequest) -> None:
        source = self._session.source(request.episode_id)
        if source is None or self._evaluator is None:
            error = Error(grpc.StatusCode.NOT_FOUND, "this client has no such unanswered episode")
            self._session.answer(
                evaluator_service_pb2.EvaluateResponse(evaluation_id=request.evaluation_id, error=error.to_proto())
            )
            return
        task = asyncio.create_task(self._evaluate(self._evaluator, source, request))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _evaluate(
        self, evaluator: Evaluator, source: EpisodeLike, request: evaluator_service_pb2.EvaluateRequest
    ) -> None:
        self._session.answer(await respond(evaluator, source, request, self._client._executor))
        self._wake.set()

    async def _write(self, call: Any) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                request = self._session.next_request(loop.time())
                if request is not None:
                    await call.write(request)
                elif self._input_finished and self._session.idle and not self._questions:
                    await call.done_writing()
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader learns why

    async def _tick(self) -> None:
        """Expires what is late, ends what has drained, and wakes the writer for what was put off."""
        loop = asyncio.get_running_loop()
        finished_at = math.inf
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._session.expire(loop.time())
            if self._session.draining and loop.time() >= self._drain_until:
                self._cut_connection()
            if not (self._input_finished and self._session.done):
                finished_at = math.inf
            elif not self._session.idle:
                self._cut_connection()  # only results that nobody waits for any more
            else:
                finished_at = min(finished_at, loop.time())
                if loop.time() - finished_at > _FAREWELL_SECONDS:
                    self._cut_connection()
            self._wake.set()


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
            self._outcomes[self._places[outcome.episode_id]] = outcome
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
