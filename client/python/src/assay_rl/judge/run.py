"""Judging many episodes at once: threads, order, failures that cost one message and not the run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from assay_rl.client.episodes import Episode, JudgeScore
from assay_rl.judge.cache import Cache
from assay_rl.judge.endpoint import JudgeError
from assay_rl.judge.plan import (
    CHARACTERS_A_TOKEN,
    MODES,
    Judge,
    Question,
    check_judges,
    judged_messages,
    step_wise,
)
from assay_rl.judge.prompts import AnswerError

_MAX_FAILURES_KEPT = 20


@dataclass(slots=True)
class Report:
    """What a run did. Safe for threads.

    sent: questions sent to a judge; asked: those that it answered; cached: answered from the cache; failed: without an
    answer, or with one that cannot be read. scores: that episodes carry now. tokens_in, tokens_out: of questions that
    were answered and of the answers, estimated by their length as `estimate` does.
    """

    episodes: int = 0
    sent: int = 0
    asked: int = 0
    cached: int = 0
    failed: int = 0
    scores: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    failures: list[str] = field(default_factory=list)  # the first ones
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, sent: int = 0, cached: int = 0, scores: int = 0) -> None:
        with self._lock:
            self.sent += sent
            self.cached += cached
            self.scores += scores

    def answered(self, question: Question, answer: str) -> None:
        with self._lock:
            self.asked += 1
            self.tokens_in += question.characters / CHARACTERS_A_TOKEN
            self.tokens_out += len(answer) / CHARACTERS_A_TOKEN

    def cost(self, price_in: float, price_out: float) -> float:
        """In the unit of the prices, which are for a million tokens."""
        return (self.tokens_in * price_in + self.tokens_out * price_out) / 1e6

    def fail(self, what: str) -> None:
        with self._lock:
            self.failed += 1
            if len(self.failures) < _MAX_FAILURES_KEPT:
                self.failures.append(what)


def judge_episodes(
    episodes: Iterable[Episode],
    judges: Sequence[Judge],
    *,
    mode: str = "all-at-once",
    cache: Cache | None = None,
    concurrency: int = 8,
    max_calls: int | None = None,
    report: Report | None = None,
) -> Iterator[Episode]:
    """The episodes in order, each with the scores of all judges in `judge_scores`; those of other judges stay.

    A question without an answer leaves its message without a score, which is not a score of 0. What can never work
    (a wrong key) raises JudgeError. max_calls: of new questions; JudgeError where more would be needed, with the
    answers so far in the cache.
    """
    if mode not in MODES:
        raise ValueError(f"mode: one of {', '.join(MODES)}")
    if not 1 <= concurrency <= 256:
        raise ValueError("concurrency: 1 to 256")
    check_judges(judges)
    run = _Run(mode, cache if cache is not None else Cache(), max_calls, report if report is not None else Report())
    with ThreadPoolExecutor(concurrency) as pool:
        pending: deque[tuple[Episode, list[Future[dict[int, float]]]]] = deque()
        source = iter(episodes)
        try:
            while True:
                # Reads ahead only as far as keeps every thread busy.
                while len(pending) < 2 * concurrency and (episode := next(source, None)) is not None:
                    tasks: list[Callable[[], dict[int, float]]] = [
                        task for judge in judges for task in run.tasks(episode, judge)
                    ]
                    pending.append((episode, [pool.submit(task) for task in tasks]))
                if not pending:
                    return
                episode, futures = pending.popleft()
                scores = [future.result() for future in futures]
                yield run.scored(episode, judges, scores)
        finally:
            for _, futures in pending:
                for future in futures:
                    future.cancel()


class _Run:
    def __init__(self, mode: str, cache: Cache, max_calls: int | None, report: Report) -> None:
        self._mode = mode
        self._cache = cache
        self._max_calls = max_calls
        self._report = report
        self._lock = threading.Lock()
        self._calls = 0
        self._in_flight: dict[str, threading.Event] = {}

    def tasks(self, episode: Episode, judge: Judge) -> list[Callable[[], dict[int, float]]]:
        """Step-wise questions do not wait for each other; a bisection's do."""
        asked = judged_messages(episode)
        if MODES[self._mode] is step_wise:
            return [lambda t=t: self._judge(episode, judge, [t]) for t in asked]  # type: ignore[misc]
        return [lambda: self._judge(episode, judge, asked)] if asked else []

    def scored(self, episode: Episode, judges: Sequence[Judge], scores: Sequence[dict[int, float]]) -> Episode:
        asked = judged_messages(episode)
        tasks_a_judge = len(asked) if MODES[self._mode] is step_wise else min(1, len(asked))
        by_message: dict[int, list[JudgeScore]] = {t: [] for t in asked}
        for number, found in enumerate(scores):
            for t, score in found.items():
                by_message[t].append(JudgeScore(judges[number // tasks_a_judge].name, score))
        names = {judge.name for judge in judges}
        messages = list(episode.messages)
        for t, added in by_message.items():
            others = [s for s in messages[t].judge_scores if s.judge not in names]
            messages[t] = replace(messages[t], judge_scores=[*others, *added])
        self._report.count(scores=sum(map(len, by_message.values())))
        self._report.episodes += 1
        return replace(episode, messages=messages)

    def _judge(self, episode: Episode, judge: Judge, asked: list[int]) -> dict[int, float]:
        asking = MODES[self._mode](episode, judge.prompts, asked)
        try:
            question = next(asking)
            while True:
                question = asking.send(self._answer(judge, question))
        except StopIteration as done:
            return dict(done.value or {})
        except AnswerError as failure:
            self._report.fail(f"episode {episode.id}, judge {judge.name}: {failure}")
        except JudgeError as failure:
            if failure.fatal:
                raise
            self._report.fail(f"episode {episode.id}, judge {judge.name}: {failure}")
        return {}

    def _answer(self, judge: Judge, question: Question) -> str:
        body = question.body(judge.endpoint)
        key = Cache.key(judge.endpoint.url, body)
        while True:
            with self._lock:
                running = self._in_flight.get(key)
                if running is None:
                    found = self._cache.get(key)
                    if found is None:
                        self._spend()
                        self._in_flight[key] = threading.Event()
                    break
            running.wait()  # somebody asks this very question already
        if found is not None:
            self._report.count(cached=1)
            return found
        try:
            answer = judge.endpoint.ask(body)
            self._cache.put(key, answer)
            self._report.answered(question, answer)
            return answer
        finally:
            with self._lock:
                self._in_flight.pop(key).set()

    def _spend(self) -> None:
        if self._max_calls is not None and self._calls >= self._max_calls:
            raise JudgeError(
                f"{self._max_calls} calls are spent, and more are needed; the same command goes on from here",
                fatal=True,
            )
        self._calls += 1
        self._report.count(sent=1)
