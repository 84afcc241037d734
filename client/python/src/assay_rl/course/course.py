"""Steps of one or two runs side by side: the series of the page, and the comparison of runs on the tasks they share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from . import changes
from .metrics import METRICS, ROLE_METRICS, role_metrics
from .summary import Json

MAX_STEPS = 1_000  # shown of a run; of more, evenly chosen ones
SHOWN_TASKS = 40  # tasks listed of a comparison: those that differ the most


def slim(summary: Json) -> Json:
    """What the page's curves need of a step."""
    return {
        "step": summary["step"],
        "episodes": summary["episodes"],
        "failed": summary["failed"],
        "groups": summary["groups"],
        "metrics": summary["metrics"],
        "roles": {role: role_metrics(entry) for role, entry in summary["roles"].items()},
    }


def course(name: str, summaries: Iterable[Json], other: tuple[str, Iterable[Json]] | None = None) -> Json | None:
    """The course of a run, and of another one that it is compared with; None where there is one step of one run."""
    mine = _in_order(summaries)
    theirs = _in_order(other[1]) if other is not None else []
    if len(mine) < 2 and not theirs:
        return None
    runs = [_run(name, mine)]
    if other is not None:
        runs.append(_run(other[0], theirs))
    return {
        "runs": runs,
        "titles": {key: [m.title, m.unit, m.meaning, m.axis] for key, m in METRICS.items()},
        "roleTitles": {key: [m.title, m.unit, m.meaning, m.axis] for key, m in ROLE_METRICS.items()},
        "compared": compared(mine, theirs) if other is not None else None,
    }


def _in_order(summaries: Iterable[Json]) -> list[Json]:
    return sorted(summaries, key=lambda s: s["step"] if s["step"] is not None else 0)


def _run(name: str, summaries: Sequence[Json]) -> Json:
    steps = [slim(s) for s in thinned(summaries)]
    return {"name": name, "all": len(summaries), "steps": steps, "changes": changes.of_course(steps)}


def thinned(summaries: Sequence[Json]) -> list[Json]:
    """At most MAX_STEPS of them, the first and the last included."""
    count = len(summaries)
    if count <= MAX_STEPS:
        return list(summaries)
    return [summaries[k * (count - 1) // (MAX_STEPS - 1)] for k in range(MAX_STEPS)]


def compared(mine: Sequence[Json], theirs: Sequence[Json]) -> Json:
    """Both runs on the tasks that both saw: mean scores over all their steps, task by task; and the same over the last
    quarter of the steps that both have, None where there are fewer than four or no task is of both there."""
    a, b = _tasks(mine), _tasks(theirs)
    found = _paired(a, b)
    listed = sorted(a.keys() & b.keys(), key=lambda key: (-abs(b[key] - a[key]), key))[:SHOWN_TASKS]
    return {
        **found,
        "onlyMine": len(a) - found["shared"],
        "onlyTheirs": len(b) - found["shared"],
        "tasks": [[key, a[key], b[key]] for key in listed],
        "late": _late(mine, theirs),
    }


def _late(mine: Sequence[Json], theirs: Sequence[Json]) -> Json | None:
    common = sorted({s["step"] for s in mine} & {s["step"] for s in theirs} - {None})
    if len(common) < 4:
        return None
    last = common[-(len(common) // 4) :]
    own = set(last)
    found = _paired(*(_tasks([s for s in run if s["step"] in own]) for run in (mine, theirs)))
    return {"from": last[0], "to": last[-1], **found} if found["shared"] else None


def _paired(a: Mapping[str, float], b: Mapping[str, float]) -> Json:
    """The means of two runs over the tasks of both, and their difference with its standard error over tasks."""
    shared = sorted(a.keys() & b.keys())
    differences = [b[key] - a[key] for key in shared]
    count = len(shared)
    mean = math.fsum(differences) / count if count else None
    error = None
    if mean is not None and count > 1:
        error = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (count - 1) / count)
    return {
        "shared": count,
        "mine": math.fsum(a[key] for key in shared) / count if count else None,
        "theirs": math.fsum(b[key] for key in shared) / count if count else None,
        "difference": mean,
        "error": error,
        "better": sum(d > 1e-9 for d in differences),
        "worse": sum(d < -1e-9 for d in differences),
    }


def _tasks(summaries: Sequence[Json]) -> dict[str, float]:
    totals: dict[str, list[float]] = {}
    for summary in summaries:
        for key, (count, mean) in summary["tasks"].items():
            entry = totals.setdefault(key, [0.0, 0.0])
            entry[0] += count
            entry[1] += count * mean
    return {key: total / count for key, (count, total) in totals.items()}
