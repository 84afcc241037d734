"""Server, `assay verify` and `assay-rl verify` on every log, with every grader and every way to count ballots.

    python tests/agreement.py [--every N] [--jobs N] [LOG...]

Prints a line a cell: what was answered, what was refused, and how many results either verifier calls wrong; exits with
1 where that is any. Each result carries its full audit, so that every grade, value, credit, label, probability, reward
and sum of it is computed three times. Needs the real logs (ASSAY_SHARED, else ../shared) and says so where they are
absent. All of it is 4,759 episodes times 30 cells: half an hour on two cores. --every 50 takes each fiftieth record.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from assayd import SHARED, Assayd, command, running

from assay_rl.cli.verify import verify_records
from assay_rl.convert.files import read_episodes
from assay_rl.convert.own import Record

LOGS = (
    *("dylan_mmlu_7agents", "dylan_mmlu_3agents", "dylan_math_complex"),
    *("dylan_humaneval_gpt_35_turbo_0301", "taubench_airline_gpt4o", "whowhen_ag"),
)
GRADERS: tuple[dict[str, Any], ...] = (
    *({"grader": f"GRADER_{name}"} for name in ("EXACT", "CHOICE", "NUMBER", "IDENTICAL")),
    {"grader": "GRADER_NUMBER", "tolerance": 0.5},
)
BALLOTS = ("BALLOTS_LAST", "BALLOTS_FIRST", "BALLOTS_LAST_ROUND")


@dataclass(frozen=True)
class Cell:
    """One log under one vote, and what became of it."""

    log: str
    vote: dict[str, Any]
    results: int
    refused: Counter[str]
    unreadable: int
    python: list[str]  # findings
    cpp: list[str]

    def __str__(self) -> str:
        vote = " ".join(str(value).split("_", 1)[-1].lower() for value in self.vote.values())
        refused = ", ".join(f"{n} refused: {why}" for why, n in self.refused.items()) or "none refused"
        return (
            f"{self.log}, {vote}: {self.results} results, {self.unreadable} answers unreadable, {refused}; "
            f"{len(self.python)} differ in Python, {len(self.cpp)} in C++"
        )


def votes() -> Iterator[dict[str, Any]]:
    for grader, ballots, empty in product(GRADERS, BALLOTS, (False, True)):
        yield {"ballots": ballots, **grader, **({"emptyBallots": True} if empty else {})}


def compare(server: Assayd, log: str, vote: dict[str, Any], records: list[bytes], folder: Path, jobs: int) -> Cell:
    source, options = folder / "records.jsonl", folder / "options.json"
    source.write_bytes(b"".join(records))
    options.write_text(json.dumps({"audit": "AUDIT_FULL", "vote": vote}), encoding="utf-8")
    flags = [f"--server={server.target}", "--input-format=log", f"--options={options}"]
    answered = subprocess.run([str(command()), "signals", *flags], input=source.read_bytes(), capture_output=True)
    lines = answered.stdout.decode().splitlines()
    if len(lines) != len(records):
        raise RuntimeError(f"{log}: {len(lines)} results of {len(records)}: {answered.stderr.decode()[-500:]}")
    held = [(line, json.loads(line)) for line in lines]
    refused = Counter(result["error"]["message"] for _, result in held if "error" in result)
    kept = [line for line, result in held if "signals" in result]
    identities = {result["episodeId"] for _, result in held if "signals" in result}
    unreadable = sum(r["signals"]["effort"].get("unreadableAnswers", 0) for _, r in held if "signals" in r)
    episodes = read_episodes(str(source), "log")
    sources = {episode.id: episode.to_json() for episode in episodes if episode.id in identities}
    given = [Record(None, f"line {number}", text) for number, text in enumerate(kept, 1)]
    python = [f"{r.subject}: {f}" for r in verify_records(given, sources, jobs) for f in r.findings]
    checked = subprocess.run(
        [str(command()), "verify", f"--episodes={source}", "--input-format=log"],
        input="".join(line + "\n" for line in kept).encode(),
        capture_output=True,
    )
    cpp = [line for line in checked.stdout.decode().splitlines() if not line.endswith(": has no result")]
    if "verified " not in checked.stderr.decode():
        raise RuntimeError(f"{log}: {checked.stderr.decode()[-500:]}")
    return Cell(log, vote, len(kept), refused, unreadable, python, cpp)


def cells(logs: list[str], every: int, jobs: int) -> Iterator[Cell]:
    with running() as server, tempfile.TemporaryDirectory() as folder:
        for log in logs:
            with gzip.open(SHARED / "data" / f"{log}.jsonl.gz", "rb") as file:
                records = file.readlines()[::every]
            for vote in votes():
                yield compare(server, log, vote, records, Path(folder), jobs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="*", metavar="LOG", help="default: all")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each N-th record")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        print(f"skipped: no logs at {SHARED}; set ASSAY_SHARED")
        return 0
    results = wrong = count = 0
    for cell in cells(arguments.logs or list(LOGS), arguments.every, arguments.jobs):
        print(cell, flush=True)
        for finding in (*cell.python[:3], *cell.cpp[:3]):
            print(f"  {finding}", flush=True)
        count, results, wrong = count + 1, results + cell.results, wrong + len(cell.python) + len(cell.cpp)
    print(f"{count} cells, {results} results, {wrong} differences")
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())
