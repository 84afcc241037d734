"""How far a run is, on standard error: as the C++ command line tells it (client/command/progress.h)."""

from __future__ import annotations

import sys
import threading
import time

from assay_rl.client.outcomes import Error, Failed, GroupFailed, GroupScored, Outcome, Scored
from assay_rl.v1 import signals_pb2

_TERMINAL_SECONDS = 0.2
_ELSEWHERE_SECONDS = 10.0


class Progress:
    """On a terminal one line is rewritten as the run goes on; elsewhere a line is added every ten seconds. For any
    threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._terminal = sys.stderr.isatty()
        self._start = self._shown = time.monotonic()
        self._read = self._answered = self._failed = 0
        self._groups = self._failed_groups = 0
        self._mismatches = self._unreadable = 0
        self._conservation_error = 0.0
        self._first_failure = ""

    def on_read(self) -> None:
        with self._lock:
            self._read += 1
            self._maybe_show()

    def on_outcome(self, outcome: Outcome) -> None:
        with self._lock:
            if isinstance(outcome, Scored):
                self._answered += 1
                self._take(outcome.proto.signals)
            elif isinstance(outcome, Failed):
                self._failed += 1
                self._on_failure(f"episode {outcome.episode_id}" if outcome.episode_id else "", outcome.error)
            elif isinstance(outcome, GroupFailed):
                self._groups += 1
                self._failed_groups += 1
                self._on_failure(f"group {outcome.group_id}", outcome.error)
            elif isinstance(outcome, GroupScored):
                self._groups += 1
            self._maybe_show()

    def _take(self, signals: signals_pb2.EpisodeSignals) -> None:
        self._mismatches += bool(signals.effort.method) and signals.outcome_mismatch
        self._unreadable += signals.effort.unreadable_answers
        self._conservation_error = max(self._conservation_error, signals.conservation.error)

    def _on_failure(self, subject: str, error: Error) -> None:
        where = "".join(f"; {field}: {description}" for field, description in error.violations)
        self._first_failure = self._first_failure or f"{subject}{': ' if subject else ''}{error.message}{where}"

    def finish(self) -> None:
        """The last lines."""
        with self._lock:
            print(f"{self._line_begin()}{self._line()}", file=sys.stderr)
            if self._mismatches:
                what = "of them: the score is not what the evaluator gives the whole team"
                print(f"{self._mismatches} {what}", file=sys.stderr)
            if self._unreadable:
                print(f"{self._unreadable} answers could not be read by the grader", file=sys.stderr)
            if self._first_failure:
                print(f"first failure: {self._first_failure}", file=sys.stderr)

    @property
    def all_answered(self) -> bool:
        """Every episode that was read has been answered with signals, and so has every group."""
        with self._lock:
            return self._answered == self._read and not self._failed_groups

    def _line_begin(self) -> str:
        return "\r\x1b[K" if self._terminal else ""

    def _maybe_show(self) -> None:
        now = time.monotonic()
        if now - self._shown < (_TERMINAL_SECONDS if self._terminal else _ELSEWHERE_SECONDS):
            return
        self._shown = now
        print(f"{self._line_begin()}{self._line()}", file=sys.stderr, end="" if self._terminal else "\n", flush=True)

    def _line(self) -> str:
        seconds = time.monotonic() - self._start
        line = f"{self._read} episodes read, {self._answered} answered, {self._failed} failed"
        if self._groups:
            line += f", {self._groups} {'group' if self._groups == 1 else 'groups'}"
        if self._failed_groups:
            line += f" ({self._failed_groups} failed)"
        rate = (self._answered + self._failed) / max(seconds, 1e-3)
        return f"{line}; {seconds:.1f} s, {rate:.0f}/s; largest conservation error {self._conservation_error:.1e}"
