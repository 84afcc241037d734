"""Files that grow, read from where the last look ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format

from assay_rl.client.episodes import Episode
from assay_rl.convert.files import FileError
from assay_rl.convert.lines import MAX_LINE
from assay_rl.course import files
from assay_rl.course.summary import Json

from .collect import Collector
from .episodes import Episodes

CHUNK = 1 << 20


@dataclass
class Tail:
    """The complete lines that came to a file since the last look."""

    path: Path
    offset: int = 0
    number: int = 0
    _rest: bytes = b""

    def shrunk(self) -> bool:
        return not self.path.exists() or self.path.stat().st_size < self.offset

    def lines(self) -> Iterator[tuple[int, str]]:
        with self.path.open("rb") as source:
            source.seek(self.offset)
            while chunk := source.read(CHUNK):
                self.offset += len(chunk)
                *complete, self._rest = (self._rest + chunk).split(b"\n")
                if len(self._rest) > MAX_LINE:
                    raise FileError(f"{self.path}:{self.number + 1}: a line of more than {MAX_LINE} bytes")
                for line in complete:
                    self.number += 1
                    if line.strip():
                        yield self.number, line.decode("utf-8-sig")


class Follower:
    """Signals, summaries and episodes of files and folders. New files are found at each look.

    made: a fresh collector; the old one is given up where a file was written anew. complaints: what could not be read
    at the last look; the lines around it were. An episode is shown with its texts where it was there before its result.
    """

    def __init__(
        self, names: Sequence[str], episodes: Sequence[str], made: Callable[[], Collector], step: str = "auto"
    ) -> None:
        self._names, self._beside, self._made, self._step = tuple(names), tuple(episodes), made, step
        self._field = None if step in ("auto", "name", "order") else step
        self._begin()

        self.complaints: list[str] = []

    def _begin(self) -> None:
        self.collected = self._made()
        self._episodes = Episodes()
        self._tails: dict[str, Tail] = {}
        self._summaries: dict[str, tuple[int, int, list[Json]]] = {}

    def look(self) -> bool:
        """Reads what is new; whether anything was."""
        self.complaints = []
        if any(tail.shrunk() for tail in self._tails.values()):
            self._begin()
        found = files.inputs([name for name in self._names if Path(name).exists()], self._step) if self._any() else []
        texts = [Path(name) for name in self._beside if Path(name).is_file()]
        texts += [one.source.path for one in found if one.kind == "episodes" and one.source.path is not None]
        new = [self._read_episodes(path) for path in texts]
        new += [self._read_signals(one) for one in found if one.kind == "signals"]
        new += [self._read_summaries(one) for one in found if one.kind == "summary"]
        self.collected.given = [summary for *_, told in self._summaries.values() for summary in told]
        return any(new)

    def _any(self) -> bool:
        def holds(path: Path) -> bool:
            return path.is_file() or (path.is_dir() and any(p.is_file() for p in path.rglob("*")))

        return any(holds(Path(name)) for name in self._names)

    def _tail(self, path: Path) -> Tail:
        return self._tails.setdefault(str(path), Tail(path))

    def _read_episodes(self, path: Path) -> bool:
        changed = False
        for number, line in self._tail(path).lines():
            try:
                self._episodes.extend([Episode.from_json(line)])
                changed = True
            except (ValueError, json_format.ParseError) as error:
                self.complaints.append(f"{path}:{number}: not an Episode: {error}")
        return changed

    def _read_signals(self, one: files.Input) -> bool:
        if one.source.path is None:
            raise FileError(f"{one.name}: standard input and archives cannot be followed")
        changed = False
        for number, text in self._tail(one.source.path).lines():
            try:
                line = files.read_line(one, f"{one.name}:{number}", text, self._field)
                if line is not None:
                    self.collected.add(line.result, self._episodes, line.step, self._episodes.place(line.result))
                    changed = True
            except FileError as error:
                self.complaints.append(str(error))
        return changed

    def _read_summaries(self, one: files.Input) -> bool:
        path = one.source.path
        if path is None:
            raise FileError(f"{one.name}: archives cannot be followed")
        state = path.stat()
        known = self._summaries.get(one.name)
        if known is not None and known[:2] == (state.st_mtime_ns, state.st_size):
            return False
        self._summaries[one.name] = (state.st_mtime_ns, state.st_size, list(files.summaries(one)))
        return True
