"""Preference pairs between the episodes of a group (proto/signals.md, "Preferences")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import erfc, sqrt

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from .settings import Settings
from .transcript import speakers

MOST_PAIRS = 4096  # of one kind; those with the largest gap stay


@dataclass(frozen=True)
class Run:
    """One episode as siblings compare it: messages are equal where author and text are, byte for byte."""

    id: str
    task: str
    score: float
    turns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """A pair before it is written: indices of runs, the length of their common prefix, and the sides' ends."""

    gap: float
    kind: int
    depth: int
    chosen: int
    rejected: int
    weight: float


def of_group(
    answered: Sequence[signals_pb2.EpisodeSignals], episodes: dict[str, episode_pb2.Episode], settings: Settings
) -> list[signals_pb2.PreferencePair]:
    """SIBLING, SUFFIX and TRAJECTORY pairs."""
    runs = [
        Run(
            s.episode_id,
            episodes[s.episode_id].task.prompt,
            s.score,
            tuple(
                zip(speakers(episodes[s.episode_id]), (m.content for m in episodes[s.episode_id].messages), strict=True)
            ),
        )
        for s in sorted(answered, key=lambda s: s.episode_id.encode())
    ]
    found: list[Found] = []
    for members in _tasks(runs):
        found += _whole(runs, members, settings)
        found += _branches(runs, members, settings)
    out: list[signals_pb2.PreferencePair] = []
    for kind in (
        options_pb2.PREFERENCE_KIND_SIBLING,
        options_pb2.PREFERENCE_KIND_SUFFIX,
        options_pb2.PREFERENCE_KIND_TRAJECTORY,
    ):
        own = [pair for pair in found if pair.kind == kind and kind in settings.kinds]
        own.sort(key=lambda pair: (-pair.gap, pair.chosen, pair.rejected, pair.depth))
        out += [_pair(pair, runs) for pair in own[:MOST_PAIRS]]
    return out


def _tasks(runs: Sequence[Run]) -> list[list[int]]:
    tasks: dict[str, list[int]] = {}
    for index, run in enumerate(runs):
        if run.turns:
            tasks.setdefault(run.task, []).append(index)
    return list(tasks.values())


def _episodes(runs: Sequence[Run], kind: int, depth: int, x: int, y: int, margin: float) -> Iterator[Found]:
    gap = abs(runs[x].score - runs[y].score)
    if gap > max(margin, 0.0):
        better, worse = (x, y) if runs[x].score > runs[y].score else (y, x)
        yield Found(gap, kind, depth, better, worse, 1.0)


def _whole(runs: Sequence[Run], members: Sequence[int], settings: Settings) -> Iterator[Found]:
    for x, y in combinations(members, 2):
        yield from _episodes(runs, options_pb2.PREFERENCE_KIND_TRAJECTORY, 0, x, y, settings.margin)


def _branches(runs: Sequence[Run], members: Sequence[int], settings: Settings) -> Iterator[Found]:
    """The tree of common prefixes: where messages of one agent part, each two branches are compared."""
    open_nodes = [(0, list(members))]
    while open_nodes:
        depth, inside = open_nodes.pop()
        branches: dict[tuple[str, str], list[int]] = {}
        for index in inside:
            if len(runs[index].turns) > depth:
                branches.setdefault(runs[index].turns[depth], []).append(index)
        for (turn_a, a), (turn_b, b) in combinations(branches.items(), 2):
            if turn_a[0] and turn_a[0] == turn_b[0]:
                yield from _sibling(runs, depth, a, b, settings)
                for x in a:
                    for y in b:
                        yield from _episodes(runs, options_pb2.PREFERENCE_KIND_SUFFIX, depth, x, y, settings.margin)
        open_nodes += [(depth + 1, branch) for branch in branches.values() if len(branch) > 1]


def _sibling(
    runs: Sequence[Run], depth: int, a: Sequence[int], b: Sequence[int], settings: Settings
) -> Iterator[Found]:
    """A branch is worth the mean score of the runs through it."""
    mean_a, mean_b = (sum(runs[i].score for i in branch) / len(branch) for branch in (a, b))
    gap = abs(mean_a - mean_b)
    if not gap > max(settings.margin, 0.0):
        return
    better, worse = (a, b) if mean_a > mean_b else (b, a)
    chosen = max(better, key=lambda i: (runs[i].score, -i))
    rejected = min(worse, key=lambda i: (runs[i].score, i))
    weight = _probability(runs, better, worse, settings)
    yield Found(gap, options_pb2.PREFERENCE_KIND_SIBLING, depth, chosen, rejected, weight)


def _probability(runs: Sequence[Run], better: Sequence[int], worse: Sequence[int], settings: Settings) -> float:
    """P(better > worse): normal approximation of two Beta(1, 1) posteriors."""

    def moments(branch: Sequence[int]) -> tuple[float, float]:
        trials = len(branch)
        successes = sum(runs[i].score - settings.low for i in branch) / settings.range
        mean = (successes + 1) / (trials + 2)
        return mean, mean * (1 - mean) / (trials + 3)

    (mean_better, var_better), (mean_worse, var_worse) = moments(better), moments(worse)
    return 0.5 * erfc(-(mean_better - mean_worse) / sqrt(var_better + var_worse) / sqrt(2))


def _pair(found: Found, runs: Sequence[Run]) -> signals_pb2.PreferencePair:
    pair = signals_pb2.PreferencePair(context_length=found.depth, weight=found.weight)
    pair.kind = found.kind  # type: ignore[assignment]
    pair.context_episode_id = runs[found.chosen].id
    for side, index in ((pair.chosen, found.chosen), (pair.rejected, found.rejected)):
        run = runs[index]
        one = found.kind == options_pb2.PREFERENCE_KIND_SIBLING
        side.episode_id, side.begin = run.id, found.depth
        side.end = found.depth + 1 if one else len(run.turns)
    return pair
