"""Time of OddBayes over that of its numpy reference: same games and budgets, alternating, one run.

Usage: over_reference.py ESTIMATORS_BENCHMARK [SHARED]; needs numpy and scipy. Prints
`odd_bayes_over_reference RATIO times`, the larger of the ratios at n = 10, 16n questions and at
n = 12, 32n questions. Both on one core, by the processor time they took.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

FAMILIES = ("harsanyi", "soum", "pipeline")
CELLS = ((10, 160), (12, 384))
SEEDS = 6


def main() -> int:
    binary = sys.argv[1]
    shared = Path(sys.argv[2] if len(sys.argv) > 2 else "../shared")
    if not (shared / "reference" / "odd_bayes.py").exists():
        print(f"skipped: no reference in {shared}")
        return 0
    try:
        import numpy as np

        sys.path.insert(0, str(shared / "reference"))
        import games
        import odd_bayes
    except ImportError as error:
        print(f"skipped: {error}")
        return 0

    worst = 0.0
    for n, budget in CELLS:
        ours = reference = 0.0
        for family in FAMILIES:
            table = np.zeros(1 << n)
            with gzip.open(shared / "bench" / "games" / f"{family}_n{n}.csv.gz", "rt") as lines:
                for line in lines:
                    mask, value = line.strip().split(",")
                    if mask != "mask":
                        table[int(mask)] = float(value)
            odd_bayes.estimate(n, budget, games.TableGame(table, n), 0)
            start = time.process_time()
            for seed in range(SEEDS):
                odd_bayes.estimate(n, budget, games.TableGame(table, n), seed)
            reference += (time.process_time() - start) / SEEDS * 1e3
            output = subprocess.run(
                [binary, f"--bench={shared / 'bench'}", f"--families={family}", f"--n={n}",
                 f"--budgets={budget // n}", f"--seeds={SEEDS}"],
                check=True, capture_output=True, text=True,
            ).stdout
            found = re.search(r"([0-9.]+) ms$", output, re.MULTILINE)
            if found is None:
                print("the benchmark printed no time", file=sys.stderr)
                return 1
            ours += float(found.group(1))
        count = len(FAMILIES)
        print(
            f"# n = {n}, {budget} questions: {ours / count:.2f} ms, "
            f"reference {reference / count:.1f} ms"
        )
        worst = max(worst, ours / reference)
    print(f"odd_bayes_over_reference {worst:.4f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
