"""What a page is made of, gathered result by result: rows of episodes within a budget, and summaries of all of them.

The summaries count every result; rows are kept as long as they fit. What is left out is chosen by the digests of the
ids of groups (and of episodes without one), so it is the same each time and groups stay whole.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from assay_rl.course.course import course
from assay_rl.course.summary import Json, StepSummary
from assay_rl.v1 import episode_pb2, signal_service_pb2
from assay_rl.verify import advantages, records

from . import model
from .episodes import Episodes

BUDGET = 24 << 20  # bytes of rows of one page, unless another limit is given


def embed(value: object) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element or open a comment."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(model.finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


@dataclass
class _Unit:
    """A group with its members, or an episode without one: kept or left out as a whole."""

    rows: list[tuple[int, bytes]] = field(default_factory=list)
    groups: list[bytes] = field(default_factory=list)  # several where an id came again after its group was full
    size: int = 0


class Collector:
    """Filled in any order; `data` is what the page embeds.

    budget: bytes of rows, None for all of them. wanted: about how many episodes, None for as many as fit.
    """

    def __init__(self, budget: int | None = None, wanted: int | None = None, name: str = "") -> None:
        self.name = name
        self.total = StepSummary()
        self.steps: dict[int, StepSummary] = {}
        self.given: list[Json] = []  # summaries that came as such
        self.options = model.Options()
        self.unmatched = self.foreign = self.matched = 0  # results without an episode, with another one, with theirs
        self.other: tuple[str, list[Json]] | None = None
        self._budget, self._wanted = budget, wanted
        self._units: dict[bytes, _Unit] = {}
        self._heap: list[tuple[bytes, bytes]] = []  # by digest, the largest first
        self._bar: bytes | None = None  # units with a digest from here on are left out
        self._size = self._shown = self._arrived = 0
        self._versions: Counter[str] = Counter()

    def add(
        self,
        result: signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult,
        episodes: Mapping[str, episode_pb2.Episode],
        step: int | None = None,
        place: int | None = None,
    ) -> episode_pb2.Episode | None:
        """One result; returns its episode. place: of that among all episodes; None: results stand as they come."""
        if isinstance(result, signal_service_pb2.GroupResult):
            self._summarise(result, None, step)
            key = _unit_key(step, result.group_id, "")
            if (unit := self._unit(key)) is not None:
                row = {**model.group_json(result), "step": step}
                unit.groups.append(embed(row).encode("utf-8", "replace"))
                self._grow(unit, len(unit.groups[-1]))
            return None
        episode = self._own(result, episodes)
        self._summarise(result, episode, step)
        audit = result.signals.audit
        self._versions[audit.software_version] += 1
        unit = self._unit(_unit_key(step, result.signals.group.id, result.episode_id))
        if unit is None:
            return episode
        row = model.episode_json(result, episode)
        row["options"] = self.options.number(audit)
        if step is not None:
            row["step"] = step
        if audit.episode_sha256:
            row["sha256"] = audit.episode_sha256.hex()
        text = embed(row).encode("utf-8", "replace")
        self._arrived += 1
        unit.rows.append((place if place is not None else self._arrived, text))
        self._shown += 1
        self._grow(unit, len(text))
        return episode

    def shows(self, step: int | None, group: str, episode: str) -> bool:
        """Whether a result with these ids can still be opened in the page; what cannot is only counted."""
        return self._bar is None or hashlib.sha256(_unit_key(step, group, episode)).digest() < self._bar

    def _own(
        self, result: signal_service_pb2.EpisodeResult, episodes: Mapping[str, episode_pb2.Episode]
    ) -> episode_pb2.Episode | None:
        """The episode that was scored; one that only has its id is another run's, and is not shown."""
        episode = episodes.of(result) if isinstance(episodes, Episodes) else episodes.get(result.episode_id)
        told = result.signals.audit.episode_sha256
        if episode is None:
            self.unmatched += 1
            return None
        if told and told not in records.digests(episode):
            self.foreign += 1
            return None
        self.matched += 1
        return episode

    def _summarise(
        self,
        result: signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult,
        episode: episode_pb2.Episode | None,
        step: int | None,
    ) -> None:
        self.total.add(result, episode)
        if step is not None:
            if step not in self.steps:
                self.steps[step] = StepSummary(step, self.name)
            self.steps[step].add(result, episode)

    def _unit(self, key: bytes) -> _Unit | None:
        """The unit that a result belongs to; None where it is left out."""
        digest = hashlib.sha256(key).digest()
        if self._bar is not None and digest >= self._bar:
            return None
        unit = self._units.get(digest)
        if unit is None:
            unit = self._units[digest] = _Unit()
            heappush(self._heap, (bytes(255 - byte for byte in digest), digest))
        return unit

    def _grow(self, unit: _Unit, size: int) -> None:
        unit.size += size
        self._size += size
        while len(self._units) > 1 and self._too_much():
            digest = heappop(self._heap)[1]
            gone = self._units.pop(digest)
            self._size -= gone.size
            self._shown -= len(gone.rows)
            self._bar = digest

    def _too_much(self) -> bool:
        if self._budget is not None and self._size > self._budget:
            return True
        # The sample is the fewest units with at least as many episodes as are wanted.
        largest = self._units[self._heap[0][1]]
        return self._wanted is not None and self._shown - len(largest.rows) >= self._wanted

    @property
    def shown(self) -> int:
        return self._shown

    def summaries(self) -> list[Json]:
        return [*self.given, *(summary.to_json() for summary in self.steps.values())]

    def pieces(self, title: str, version: str = "") -> list[bytes]:
        """The data of the page as JSON, in pieces. version: of a page that asks for newer ones."""
        rows = sorted((row for unit in self._units.values() for row in unit.rows), key=lambda row: row[0])
        groups = [group for _, unit in sorted(self._units.items()) for group in unit.groups]
        head: Json = {
            "title": title,
            "version": ", ".join(sorted(v for v in self._versions if v)),
            "options": self.options.all,
            "summary": self.overview(),
            "left": self.total.episodes - self._shown,
            "unmatched": self.unmatched if self.matched else 0,
            "foreign": self.foreign,
            "live": version,
            "parts": {"outcome": advantages.OUTCOME_WORDS, "credit": advantages.CREDIT_WORDS},
            "course": course(self.name, self.summaries(), self.other),
        }
        out = [embed(head)[:-1].encode("utf-8", "replace"), b',"episodes":[']
        out += [piece for k, (_, text) in enumerate(rows) for piece in ((b"," if k else b""), text)]
        out.append(b'],"groups":[')
        out += [piece for k, text in enumerate(groups) for piece in ((b"," if k else b""), text)]
        out.append(b"]}")
        return out

    def overview(self) -> Json:
        """The summary of everything, without the tasks, which only comparisons need."""
        return {**self.total.to_json(), "tasks": {}}


def _unit_key(step: int | None, group: str, episode: str) -> bytes:
    identity = f"group {group}" if group else f"episode {episode}"
    return (f"{step} {identity}" if step is not None else identity).encode("utf-8", "replace")


def digest_of(text: str) -> str:
    """The digest of a script or a style, as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
