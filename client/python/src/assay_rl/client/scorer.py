"""One logical stream over as many connections as it takes, for asyncio."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from assay_rl.client import notices
from assay_rl.client.channel import SERVICE
from assay_rl.client.connection import Connection
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import EpisodeGroup, Evaluator, respond
from assay_rl.client.outcomes import (
    AssayError,
    EpisodeOutcome,
    Error,
    Failed,
    GroupFailed,
    GroupOutcome,
    GroupScored,
    Outcome,
    Scored,
)
from assay_rl.client.session import Session, Sink
from assay_rl.v1 import evaluator_service_pb2, options_pb2, signal_service_pb2

log = logging.getLogger("assay_rl")

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
_EARLY_GROUPS = 4096  # outcomes that are kept for whoever may ask


class AsyncScorer:
    """One logical stream with fixed options, over as many connections as it takes. Made by AsyncClient.open()."""

    def __init__(
        self,
        connection: Connection,
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
        self._connection = connection
        self._evaluator = evaluator
        self._session = Session(options, self._group_done, deadline)
        self._group_sink: Sink | None = None
        # By id, in order: an id may come again once its group is full.
        self._group_futures: dict[str, deque[asyncio.Future[GroupOutcome]]] = {}
        self._early_groups: dict[str, deque[GroupOutcome]] = {}
        self._wake = asyncio.Event()
        self._input_finished = False
        self._questions: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None
        self._reached_server = False
        self._cut = False
        self._drain_until = 0.0
        self._call: Any = None
        self.refused: AssayError | None = None
        """Why the server takes no stream with these options; None where it does, or was not asked yet."""
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
        if self.refused is not None:
            raise self.refused
        if self._input_finished:
            raise RuntimeError("the scorer is finished")
        loop = asyncio.get_running_loop()
        self._session.add(episode, sink, loop.time())
        if self._runner is None:
            self._connection.running.add(self)
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
        """A future of the outcome of a group, asked for before or after its episodes are answered, once a group.

        Groups that carry the same id one after the other are told in that order.
        """
        future: asyncio.Future[GroupOutcome] = asyncio.get_running_loop().create_future()
        early = self._early_groups.get(group_id)
        if early is None:
            self._group_futures.setdefault(group_id, deque()).append(future)
            return future
        future.set_result(early.popleft())
        if not early:
            del self._early_groups[group_id]
        return future

    def on_group(self, sink: Sink) -> None:
        """Sends the outcomes of all groups to `sink` instead of group()."""
        self._group_sink = sink

    def _group_done(self, outcome: Outcome) -> None:
        assert isinstance(outcome, (GroupScored, GroupFailed))
        if self._group_sink is not None:
            self._group_sink(outcome)
            return
        waiting = self._group_futures.get(outcome.group_id, deque())
        while waiting:
            future = waiting.popleft()
            if not waiting:
                del self._group_futures[outcome.group_id]
            if not future.done():  # else whoever asked has gone
                future.set_result(outcome)
                return
        self._early_groups.setdefault(outcome.group_id, deque(maxlen=_EARLY_GROUPS)).append(outcome)
        while len(self._early_groups) > _EARLY_GROUPS:  # nobody asks for them
            self._early_groups.pop(next(iter(self._early_groups)))

    @property
    def unanswered(self) -> int:
        """Episodes whose outcome is still to come."""
        return self._session.unanswered

    async def finish(self) -> None:
        """No more episodes: waits until everything is answered, then closes. Raises AssayError if refused."""
        self._input_finished = True
        self._wake.set()
        if self._runner is not None:
            await asyncio.shield(self._runner)
        if self.refused is not None:
            raise self.refused

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
                error = await self._stream()
                self._session.lost()
                if error is not None and error.code in _FATAL:
                    self.refused = AssayError(error)
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
                error = self._connection.explained(error)
                # A server that was never there is named soon; one that was lost may be starting again.
                way = self._connection
                patience = way.reconnect_timeout if self.resolved else way.connect_timeout
                if fruitless >= _FRUITLESS_STREAMS or now + delay - last_success > patience:
                    self._session.fail(error)
                    return
                log.warning("no stream (%s), opening another in %.1f s at most", error, delay)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, 2.0)
        finally:
            ticker.cancel()
            self._connection.running.discard(self)
            self._runner = None

    async def _stream(self) -> Error | None:
        """One stream from options to its end. Returns why it was lost, None where it ended in order."""
        self._reached_server = self._cut = False
        self.connections += 1
        call: Any = self._connection.channel.stream_stream(SERVICE + "StreamSignals")(
            metadata=self._connection.metadata
        )
        self._call = call
        writer = asyncio.create_task(self._write(call))
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                self._received(signal_service_pb2.StreamSignalsResponse.FromString(response))
                if self._session.drained:
                    return None
            code, details = await call.code(), await call.details()
            if code == grpc.StatusCode.OK and not self._session.in_order:
                return Error(grpc.StatusCode.UNAVAILABLE, "the server ended the stream before it answered everything")
            return None if code == grpc.StatusCode.OK else Error(code, details or "")
        except grpc.aio.AioRpcError as failure:
            return None if self._session.draining else Error(failure.code(), failure.details() or "")
        except DecodeError:
            return Error(grpc.StatusCode.INTERNAL, "the server sent bytes that are no StreamSignalsResponse")
        except asyncio.CancelledError:
            if self._cut:
                return None
            raise
        finally:
            self._call = None
            if not (call.done() and writer.done()):
                self._connection.unsettled = True
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
            if self._session.sendable or self._session.idle:
                self._wake.set()
            return
        if kind == "group":
            self._session.group_result(response.group, loop.time())
        elif kind == "evaluate":
            self._ask(response.evaluate)
        elif kind == "ready":
            self._reached_server = True
            self.resolved = response.ready.options
            self._session.ready(response.ready)
        elif kind == "notice":
            notices.tell(response.notice)
        elif kind == "go_away" and not self._session.draining:
            log.info("told to go away: %s", response.go_away.reason)
            self._session.draining = True
            self._drain_until = loop.time() + min(response.go_away.grace.ToTimedelta().total_seconds(), _DRAIN_SECONDS)
        self._wake.set()

    @property
    def _may_be_asked(self) -> bool:
        """Questions about a group come after the results of its episodes: an early half-close would leave them open."""
        return self._evaluator is not None and self._session.owed_groups

    def _ask(self, request: evaluator_service_pb2.EvaluateRequest) -> None:
        source: EpisodeLike | EpisodeGroup | None = self._session.source(request.episode_id)
        if request.group_episode_ids:
            episodes = self._session.group_sources(request.episode_id)
            source = EpisodeGroup(request.episode_id, episodes) if episodes else None
        if source is None or self._evaluator is None:
            error = Error(grpc.StatusCode.NOT_FOUND, "this client has no such unanswered episode or group")
            self._session.answer(
                evaluator_service_pb2.EvaluateResponse(evaluation_id=request.evaluation_id, error=error.to_proto())
            )
            return
        task = asyncio.create_task(self._evaluate(self._evaluator, source, request))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _evaluate(
        self,
        evaluator: Evaluator,
        source: EpisodeLike | EpisodeGroup,
        request: evaluator_service_pb2.EvaluateRequest,
    ) -> None:
        self._session.answer(await respond(evaluator, source, request, self._connection.executor))
        self._wake.set()

    async def _write(self, call: Any) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                request = self._session.next_request(loop.time())
                if request is not None:
                    await call.write(request)
                elif self._input_finished and self._session.idle and not self._questions and not self._may_be_asked:
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
