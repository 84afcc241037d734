"""Google Benchmark's JSON of BM_Messages on standard input -> `slope_messages VALUE slope`."""

from __future__ import annotations

import json
import math
import sys


def main() -> int:
    points = []
    for run in json.load(sys.stdin)["benchmarks"]:
        messages = int(run["name"].rsplit("/", 1)[1])
        points.append((math.log(messages), math.log(run["cpu_time"])))
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    print(f"slope_messages {slope:.4f} slope")
    return 0


if __name__ == "__main__":
    sys.exit(main())
