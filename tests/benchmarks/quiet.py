"""Runs a benchmark and says whether the machine was quiet enough to believe it.

Usage: quiet.py NAME -- COMMAND [ARGUMENT...]

Passes on what the command prints and adds, as figures of the benchmark NAME:

    NAME_others VALUE share   processor time that went to anybody else, of all cores while it ran
    NAME_steal VALUE share    time that the machine under this one kept back
    NAME_spread VALUE times   the widest spread of rounds: what `# spread FIGURE VALUE` lines of the command say
    NAME_quiet VALUE bool     1 where the machine did nothing else to speak of

The verdict in words, with the figures whose rounds were too far apart, goes to standard error. Kernel threads that work
for the command (the network's) count as others.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MOST_OTHERS = 0.05
MOST_STEAL = 0.01
WIDEST_SPREAD = 1.25  # of the rounds without the least and the largest
SPREAD = re.compile(r"# spread (\w+) ([0-9.]+)$")


def machine_seconds() -> tuple[float, float]:
    """(busy, stolen) seconds of all cores since the start."""
    fields = [int(field) / TICK for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _waiting, irq, softirq, steal = fields[:8]
    return user + nice + system + irq + softirq, steal


def own_seconds() -> float:
    """Of the children of this process that were waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def verdict(others: float, steal: float, wide: dict[str, float]) -> tuple[bool, str]:
    """Whether the machine was quiet, and that with the doubtful figures in words."""
    quiet = others <= MOST_OTHERS and steal <= MOST_STEAL
    words = f"others {100 * others:.1f} %, steal {100 * steal:.1f} %"
    said = f"quiet ({words})" if quiet else f"NOT quiet ({words}): do not believe ratios of time"
    if wide:
        said += "; rounds too far apart: " + ", ".join(f"{name} ({spread:.2f} times)" for name, spread in wide.items())
    return quiet, said


def main() -> int:
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        print(__doc__, file=sys.stderr)
        return 2
    name, command = sys.argv[1], sys.argv[3:]
    busy, stolen = machine_seconds()
    started, own = time.monotonic(), own_seconds()
    spreads: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := SPREAD.match(line):
                spreads[found[1]] = float(found[2])
    capacity = (time.monotonic() - started) * (os.cpu_count() or 1)
    busy_after, stolen_after = machine_seconds()
    others = max(0.0, busy_after - busy - (own_seconds() - own)) / capacity
    steal = (stolen_after - stolen) / capacity
    wide = {figure: spread for figure, spread in spreads.items() if spread > WIDEST_SPREAD}
    quiet, said = verdict(others, steal, wide)
    print(f"{name}_others {others:.4f} share")
    print(f"{name}_steal {steal:.4f} share")
    if spreads:
        print(f"{name}_spread {max(spreads.values()):.4f} times")
    print(f"{name}_quiet {int(quiet)} bool")
    sys.stdout.flush()
    print(f"# {name}: the machine was {said}", file=sys.stderr)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
