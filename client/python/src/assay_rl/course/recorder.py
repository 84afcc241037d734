"""Summaries of steps while a trainer runs: as files, and to experiment trackers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from assay_rl.v1 import episode_pb2, signal_service_pb2

from .loggers import Logger
from .summary import StepSummary


class Recorder:
    """Takes the results of each step; use as a context manager, or close it, so that the last step is logged too.

    folder: step-00000012.json and so on are written here, for `assay-rl report folder`. loggers: each gets a step when
    the next one begins. Results of one step may come in several parts, from any thread.

    step: of the results that come without one, as those of adapters do that are not told the trainer's step: set it
    when the trainer moves on, or give episodes_per_step, the episodes that one step of training takes, and it is
    counted. A recorder belongs to one process: pickling it raises TypeError, because two would write the same files.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        loggers: Sequence[Logger] = (),
        run: str = "",
        *,
        episodes_per_step: int | None = None,
    ) -> None:
        if episodes_per_step is not None and episodes_per_step < 1:
            raise ValueError(f"episodes_per_step must be at least 1, not {episodes_per_step}")
        self.step = 0
        self._folder = Path(folder) if folder is not None else None
        self._loggers, self._run = tuple(loggers), run
        self._per_step = episodes_per_step
        self._summary: StepSummary | None = None
        self._lock = threading.Lock()

    def record(
        self,
        step: int | None,
        results: Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult],
        episodes: Iterable[episode_pb2.Episode] = (),
    ) -> None:
        """episodes: those that were scored; they tell roles and tasks. step None: the recorder's own."""
        with self._lock:
            number = self.step if step is None else step
            if self._summary is not None and self._summary.step != number:
                self._log()
            if self._summary is None:
                self._summary = StepSummary(number, self._run)
            for episode in episodes:
                self._summary.expect(episode)
            for result in results:
                self._summary.add(result)
            if self._folder is not None:
                self._summary.write(self._folder / f"step-{number:08d}.json")
            if step is None and self._per_step is not None and self._summary.episodes >= self._per_step:
                self.step += 1

    def _log(self) -> None:
        if self._summary is not None and self._loggers:
            told = self._summary.to_json()
            for logger in self._loggers:
                logger.log(told)
        self._summary = None

    def close(self) -> None:
        with self._lock:
            self._log()
            for logger in self._loggers:
                logger.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Recorder belongs to one process: make one where the results are taken")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
