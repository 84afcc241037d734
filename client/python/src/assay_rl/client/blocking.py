"""The synchronous client: the asyncio client on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
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
from assay_rl.client.process import check_owner, check_process
from assay_rl.client.scorer import AsyncScorer
from assay_rl.v1 import options_pb2, signal_service_pb2, signals_pb2

T = TypeVar("T")

_NOTHING_YET = "nothing yet"
_MOMENT_SECONDS = 0.1  # after which somebody else may have asked to stop

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


def _begin(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> Future[T]:
    """Starts it on the loop of the clients. RuntimeError at the end of the process, when the loop's thread is no more:
    its future would never be done.
    """
    if sys.is_finalizing():
        coroutine.close()
        raise RuntimeError("the interpreter is shutting down: a client can do nothing more")
    return asyncio.run_coroutine_threadsafe(coroutine, loop)


class Client:
    """A connection to the service, for any number of threads. Arguments as for AsyncClient.

    Make it after a fork, not before: gRPC's threads do not survive one. A client that was made before, and a new one in
    the child of a process that has used one, say so with a RuntimeError.
    """

    def __init__(self, target: str | None = None, *, window: int = 256, **arguments: Any) -> None:
        check_process()
        self._process = os.getpid()
        self._window = window
        self._loop = _shared_loop()
        self._closed = False
        self._client = self._call(_make(target, window=window, **arguments))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._process != os.getpid():
            coroutine.close()  # never awaited
        check_owner(self._process)
        return _begin(coroutine, self._loop).result()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all streams; what is unanswered is Failed with CANCELLED. Nothing at the end of the process."""
        if not self._closed and self._process == os.getpid() and not sys.is_finalizing():
            self._closed = True
            self._call(self._client.close())

    def open(
        self, options: Options | None = None, *, evaluator: Evaluator | None = None, deadline: float | None = None
    ) -> Scorer:
        """A scorer that stays open: submit episodes from any thread, get a future of each one's outcome."""
        check_owner(self._process)
        return Scorer(self._loop, self._client.open(options, evaluator=evaluator, deadline=deadline))

    def score(
        self,
        episodes: Iterable[EpisodeLike],
        *,
        options: Options | None = None,
        evaluator: Evaluator | None = None,
        deadline: float | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Outcome]:
        """Streams episodes and yields one outcome for each, in completion order, and one for each group.

        `episodes` is read on a thread of its own, at most `window` ahead of the outcomes fetched. Where it raises, what
        it gave before is finished and yielded first; then that exception is raised. The same holds for a
        KeyboardInterrupt while an outcome is waited for; a second one ends at once.
        stop: once it is set, from a signal handler or another thread, no more episodes are read.
        Raises AssayError where the stream as a whole is refused (bad options, no permission).
        """
        scorer = self.open(options, evaluator=evaluator, deadline=deadline)
        outcomes = _ThreadOutbox(self._loop, scorer._unanswered)
        scorer._on_group(outcomes.put)
        feed = _Feed(scorer, outcomes, self._window, stop or threading.Event())
        feed.start(episodes)
        interrupt: KeyboardInterrupt | None = None
        fetched, chunk = 0, max(1, self._window // 16)
        try:
            while True:
                try:
                    outcome = outcomes.next()
                except KeyboardInterrupt as raised:
                    if interrupt is not None:
                        raise
                    interrupt = raised
                    feed.stop.set()
                    continue
                if feed.stop.is_set():
                    feed.end()
                if isinstance(outcome, str):
                    continue
                if outcome is None:
                    break
                if isinstance(outcome, (Scored, Failed)):
                    fetched += 1
                    if fetched == chunk:  # one wake-up of the feeder for several episodes
                        feed.room.release(chunk)
                        fetched = 0
                yield outcome
            if interrupt is not None:
                raise interrupt
            if feed.failure is not None:
                raise feed.failure
        finally:
            feed.abort()

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

    def __init__(self, loop: asyncio.AbstractEventLoop, unanswered: Callable[[], int]) -> None:
        super().__init__(loop, unanswered)
        self._ready: queue.SimpleQueue[list[Outcome] | None] = queue.SimpleQueue()
        self._fetched: deque[Outcome] = deque()

    def _wake(self) -> None:
        self._ready.put(self._held)
        self._held = []

    def close(self) -> None:
        """From any thread: iteration ends after what was put before."""

        def last() -> None:
            self.flush()
            self._ready.put(None)

        self._loop.call_soon_threadsafe(last)

    def next(self) -> Outcome | str | None:
        """The next outcome; None after the last one, _NOTHING_YET where there was none for a moment."""
        if not self._fetched:
            try:
                outcomes = self._ready.get(timeout=_MOMENT_SECONDS)
            except queue.Empty:
                return _NOTHING_YET
            if outcomes is None:
                return None
            self._fetched.extend(outcomes)
        return self._fetched.popleft() if self._fetched else _NOTHING_YET


class _Feed:
    """Reads episodes on a thread of its own, and finishes what it has handed over however the reading ends."""

    def __init__(self, scorer: Scorer, outcomes: _ThreadOutbox, window: int, stop: threading.Event) -> None:
        self.room = threading.Semaphore(window)
        self.stop = stop
        self.failure: BaseException | None = None
        self._scorer = scorer
        self._outcomes = outcomes
        self._lock = threading.Lock()
        self._ended = False

    def start(self, episodes: Iterable[EpisodeLike]) -> None:
        threading.Thread(target=self._read, args=(episodes,), name="assay-feeder", daemon=True).start()

    def _read(self, episodes: Iterable[EpisodeLike]) -> None:
        try:
            for episode in episodes:
                self.room.acquire()
                with self._lock:
                    if self._ended or self.stop.is_set():
                        break
                    self._scorer._add(episode, self._outcomes.put)
        except BaseException as failure:  # raised to the caller, who sees what came before first
            self.failure = failure
        if self._end():
            self._finish()

    def _end(self) -> bool:
        with self._lock:
            ended, self._ended = self._ended, True
            return not ended

    def end(self) -> None:
        """No more episodes, though the reading may still wait for one; at once."""
        if self._end():
            threading.Thread(target=self._finish, name="assay-finisher", daemon=True).start()

    def _finish(self) -> None:
        try:
            self._scorer.finish()
        except BaseException as failure:
            self.failure = self.failure or failure
        finally:
            self._outcomes.close()

    def abort(self) -> None:
        self._end()
        self.room.release()
        self._scorer.abort(Error(grpc.StatusCode.CANCELLED, "the caller stopped listening"))


async def _make(target: str | None, **arguments: Any) -> AsyncClient:
    return AsyncClient(target, **arguments)


class Scorer:
    """One logical stream with fixed options, for any number of threads. Made by Client.open()."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scorer: AsyncScorer) -> None:
        self._process = os.getpid()
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

        return _begin(wait(), self._loop)

    def finish(self) -> None:
        """No more episodes: waits until everything is answered, then closes. Raises AssayError if refused."""
        check_owner(self._process)
        _begin(self._finish(), self._loop).result()

    def abort(self, error: Error) -> None:
        """Ends at once: everything unanswered is Failed with `error`. Nothing at the end of the process."""
        if not sys.is_finalizing():
            _begin(self._scorer.abort(error), self._loop).result()

    def _unanswered(self) -> int:
        return len(self._inbox) + self._scorer.unanswered

    def _on_group(self, sink: Callable[[Outcome], None]) -> None:
        self._scorer.on_group(sink)

    def _add(self, episode: EpisodeLike, sink: Callable[[Outcome], None]) -> None:
        check_owner(self._process)
        if self._scorer.refused is not None:
            raise self._scorer.refused
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
