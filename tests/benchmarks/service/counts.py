"""What an episode of the wire benchmark takes in process on any machine, quiet or not.

Usage: counts.py SERVICE_COUNTS. Prints, for the ledger and for the full record,

    episode_allocations[_full_audit] VALUE an_episode   calls of operator new
    episode_instructions[_full_audit] VALUE an_episode  instructions outside the kernel; needs valgrind
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MANY = 64, 320


def allocations(command: list[str]) -> float:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[1])


def instructions(command: list[str]) -> int:
    """All that the program executes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]
        subprocess.run([*valgrind, *command], check=True, capture_output=True)
        found = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def main() -> int:
    binary = sys.argv[1]
    for suffix, flags in (("", []), ("_full_audit", ["full"])):
        print(f"episode_allocations{suffix} {allocations([binary, str(MANY), *flags]):.2f} an_episode")
        if shutil.which("valgrind") is None:
            print("# no valgrind: instructions are not counted", file=sys.stderr)
            continue
        more = instructions([binary, str(MANY), *flags]) - instructions([binary, str(FEW), *flags])
        print(f"episode_instructions{suffix} {more / (MANY - FEW):.0f} an_episode")
    return 0


if __name__ == "__main__":
    sys.exit(main())
