"""The synchronous client: the asyncio client on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

import grpc

from assay_rl.client.aio import AsyncClient, Collector, Options, Outbox
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.outcomes import Batch, EpisodeOutcome, Error, Failed, GroupOutcome, Outcome, Scored
from assay_rl.client.scorer import AsyncScorer
from assay_rl.v1 import options_pb2, signal_service_pb2, signals_pb2

T = TypeVar("T")

_loops: dict[int, asyncio.AbstractEventLoop] = {}
_loops_lock = threading.Lock()


def _shared_loop() -> asyncio.AbstractEventLoop:
    """The loop of all clients of this process, on a thread of its own, for good.

    gRPC's poller can still hold events of a channel when it is closed, and complains where their loop is gone.
    """
    with _loops_lock:
        process = os.getpid()
        if process not in _loops:
            loop = _loops[process] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="assay-client", daemon=True).start()
        return _loops[process]


class Client:
    """A connection to the service, for any number of threads. Arguments as for AsyncClient.

    Make it after a fork, not before: gRPC's threads do not survive one.
    """

    def __init__(self, target: str | None = None, *, window: int = 256, **arguments: Any) -> None:
        self._window = window
        self._loop = _shared_loop()
        self._closed = False
        self._client = self._call(_make(target, window=window, **arguments))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all streams; what is unanswered is Failed with CANCELLED."""
        if not self._closed:
            self._closed = True
            self._call(self._client.close())

    def open(
        self, options: Options | None = None, *, evaluator: Evaluator | None = None, deadline: float | None = None
    ) -> Scorer:
        """A scorer that stays open: submit episodes from any thread, get a future of each one's outcome."""
        return Scorer(self._loop, self._client.open(options, evaluator=evaluator, deadline=deadline))

    def score(
        self,
        episodes: Iterable[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
    ) -> Iterator[Outcome]:
        """Streams episodes and yields one outcome for each, in completion order, and one for each group.

        `episodes` is read on a thread of its own, at most `window` ahead of the outcomes fetched.
        Raises AssayError where the stream as a whole is refused (bad options, no permission).
        """
        scorer = self.open(options, evaluator=evaluator, deadline=deadline)
        outcomes = _ThreadOutbox(self._loop)
        room = threading.Semaphore(self._window)
        stop = threading.Event()
        failure: list[BaseException] = []
        scorer._on_group(outcomes.put)

        def feed() -> None:
            try:
                for episode in episodes:
                    room.acquire()
                    if stop.is_set():
                        return
                    scorer._add(episode, outcomes.put)
                scorer.finish()
            except BaseException as error:  # raised to the caller below
                failure.append(error)
            finally:
                outcomes.close()

        fetched, chunk = 0, max(1, self._window // 16)
        feeder = threading.Thread(target=feed, name="assay-feeder", daemon=True)
        feeder.start()
        try:
            for outcome in outcomes:
                if isinstance(outcome, (Scored, Failed)):
                    fetched += 1
                    if fetched == chunk:  # one wake-up of the feeder for several episodes
                        room.release(chunk)
                        fetched = 0
                yield outcome
            if failure:
                raise failure[0]
        finally:
            stop.set()
            room.release()
            scorer.abort(Error(grpc.StatusCode.CANCELLED, "the caller stopped listening"))

    def score_batch(
        self,
        episodes: Sequence[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
    ) -> Batch:
        """Outcomes in the order of the episodes, and the groups by id. Ids must be distinct."""
        collected = Collector([e.id for e in episodes])
        for outcome in self.score(episodes, options=options, evaluator=evaluator, deadline=deadline):
            collected.add(outcome)
        return collected.batch()

    def compute(
        self, episodes: Sequence[EpisodeLike], *, options: Options | None = None, timeout: float | None = None
    ) -> Batch:
        """One call for one episode or whole groups, retried where the server is away. Raises AssayError."""
        return self._call(self._client.compute(episodes, options=options, timeout=timeout))

    def advantages(
        self,
        signals: Iterable[signals_pb2.EpisodeSignals],
        *,
        options: options_pb2.AdvantageOptions | Mapping[str, Any] | None = None,
        value_range: tuple[float, float] | None = None,
        timeout: float | None = None,
    ) -> dict[str, GroupOutcome]:
        """Advantages of groups whose episodes were scored anywhere, by group id. Raises AssayError."""
        return self._call(self._client.advantages(signals, options=options, value_range=value_range, timeout=timeout))

    def info(self, *, timeout: float | None = 10.0) -> signal_service_pb2.GetServerInfoResponse:
        """Version, limits and named evaluators of the server. Raises AssayError."""
        return self._call(self._client.info(timeout=timeout))


class _ThreadOutbox(Outbox):
    """Takes outcomes from the loop to the caller's thread: waking one costs as much as an episode.

    `put` belongs to the loop's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._ready: queue.SimpleQueue[list[Outcome] | None] = queue.SimpleQueue()

    def _wake(self) -> None:
        self._ready.put(self._held)
        self._held = []

    def close(self) -> None:
        """From any thread: iteration ends after what was put before."""

        def last() -> None:
            self._flush()
            self._ready.put(None)

        self._loop.call_soon_threadsafe(last)

    def __iter__(self) -> Iterator[Outcome]:
        while (outcomes := self._ready.get()) is not None:
            yield from outcomes


async def _make(target: str | None, **arguments: Any) -> AsyncClient:
    return AsyncClient(target, **arguments)


class Scorer:
    """One logical stream with fixed options, for any number of threads. Made by Client.open()."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scorer: AsyncScorer) -> None:
        self._loop = loop
        self._scorer = scorer
        self._inbox: deque[tuple[EpisodeLike, Callable[[Outcome], None]]] = deque()
        self._scheduled = False

    def __enter__(self) -> Scorer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort(Error(grpc.StatusCode.CANCELLED, "the scorer was left with an exception"))

    def submit(self, episode: EpisodeLike) -> Future[EpisodeOutcome]:
        """Queues an episode and returns a future of its outcome. Limiting how many are open is up to the caller."""
        future: Future[EpisodeOutcome] = Future()

        def resolve(outcome: Outcome) -> None:
            assert isinstance(outcome, (Scored, Failed))
            if future.set_running_or_notify_cancel():
                future.set_result(outcome)

        self._add(episode, resolve)
        return future

    def group(self, group_id: str) -> Future[GroupOutcome]:
        """A future of the outcome of a group, asked for before or after its episodes are answered, once."""

        async def wait() -> GroupOutcome:
            return await self._scorer.group(group_id)

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def finish(self) -> None:
        """No more episodes: waits until everything is answered, then closes. Raises AssayError if refused."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()

    def abort(self, error: Error) -> None:
        """Ends at once: everything unanswered is Failed with `error`."""
        asyncio.run_coroutine_threadsafe(self._scorer.abort(error), self._loop).result()

    def _on_group(self, sink: Callable[[Outcome], None]) -> None:
        self._scorer.on_group(sink)

    def _add(self, episode: EpisodeLike, sink: Callable[[Outcome], None]) -> None:
        if self._scorer._refused is not None:
            raise self._scorer._refused
        # One wake-up of the loop takes all that has gathered.
        self._inbox.append((episode, sink))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._scheduled = False
        while self._inbox:
            episode, sink = self._inbox.popleft()
            try:
                self._scorer.add(episode, sink)
            except Exception as failure:
                sink(
                    Failed(episode.id, Error(grpc.StatusCode.INVALID_ARGUMENT, f"{type(failure).__name__}: {failure}"))
                )

    async def _finish(self) -> None:
        self._take()
        await self._scorer.finish()
