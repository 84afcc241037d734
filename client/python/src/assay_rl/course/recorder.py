"""Summaries of steps while a trainer runs: as files, and to experiment trackers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from assay_rl.v1 import episode_pb2, signal_service_pb2

from .loggers import Logger
from .summary import StepSummary


class Recorder:
    """Takes the results of each step; use as a context manager, or close it, so that the last step is logged too.

    folder: step-00000012.json and so on are written here, for `assay-rl report folder`. loggers: each gets a step when
    the next one begins. Results of one step may come in several parts.
    """

    def __init__(self, folder: str | Path | None = None, loggers: Sequence[Logger] = (), run: str = "") -> None:
        self._folder = Path(folder) if folder is not None else None
        self._loggers, self._run = tuple(loggers), run
        self._summary: StepSummary | None = None

    def record(
        self,
        step: int,
        results: Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult],
        episodes: Iterable[episode_pb2.Episode] = (),
    ) -> None:
        """episodes: those that were scored; they tell roles and tasks."""
        if self._summary is not None and self._summary.step != step:
            self._log()
        if self._summary is None:
            self._summary = StepSummary(step, self._run)
        for episode in episodes:
            self._summary.expect(episode)
        for result in results:
            self._summary.add(result)
        if self._folder is not None:
            self._summary.write(self._folder / f"step-{step:08d}.json")

    def _log(self) -> None:
        if self._summary is not None and self._loggers:
            told = self._summary.to_json()
            for logger in self._loggers:
                logger.log(told)
        self._summary = None

    def close(self) -> None:
        self._log()
        for logger in self._loggers:
            logger.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
