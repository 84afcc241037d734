"""Google Benchmark's JSON on standard input -> one line a slope, `NAME VALUE slope`.

slope_messages: of log time over log messages. slope_exact_agents: of log time over log 2^agents.
slope_sampled_questions: of log time over log questions.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict

FIGURES = {
    "BM_Messages": ("slope_messages", math.log),
    "BM_ExactAgents": ("slope_exact_agents", lambda agents: agents * math.log(2)),
    "BM_SampledQuestions": ("slope_sampled_questions", math.log),
}


def slope(points: list[tuple[float, float]]) -> float:
    """Of the least-squares line."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def main() -> int:
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in json.load(sys.stdin)["benchmarks"]:
        name, size = run["name"].rsplit("/", 1)
        if name in FIGURES:
            figure, scale = FIGURES[name]
            points[figure].append((scale(int(size)), math.log(run["cpu_time"])))
    for figure, measured in points.items():
        print(f"{figure} {slope(measured):.4f} slope")
    return 0


if __name__ == "__main__":
    sys.exit(main())
