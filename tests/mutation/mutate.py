#!/usr/bin/env python3
"""Do the tests notice? Makes single changes to the rooms of the server and runs the tests of each.

    tests/mutation/mutate.py --seed 1 --count 30

A change turns one comparison, sign, bound, index or constant. It is made in a copy of the repository
(build/mutation), built, and the tests of the room and of its users are run until one fails. Prints one line
a change; those that alter nothing are named in equivalent.json with the reason, and others take their place.
Ends with `caught N of M`; the exit code is 0 where at most --allowed survived.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutation"
BUILD = COPY / "build" / "release"
MEMORY = 8 << 30  # bytes of a process: a change may make a loop that allocates for ever

# Fastest first. A room counts with the folders inside it.
SERVICE_TESTS = ["wire_test", "session_test", "calls_test", "audit_test"]
TESTS = {
    "credit": ["credit_unit_test", "signals_test", "wire_golden_test", "credit_property_test", "signals_property_test"],
    "blame": ["blame_test", "signals_test", "wire_golden_test", "blame_property_test", "signals_property_test",
              "blame_simulation_test"],
    "signals": ["signals_test", "wire_golden_test", *SERVICE_TESTS, "signals_property_test"],
    "evaluation": ["evaluation_unit_test", "judge_verdict_test", "evaluation_property_test", "wire_golden_test",
                   "vote_oracle_test", "engine_unit_test", *SERVICE_TESTS, "chaos_judge_test", "chaos_remote_test"],
    "engine": ["engine_unit_test", *SERVICE_TESTS, "stream_simulation_test", "service_integration_test"],
    **{room: [*SERVICE_TESTS, "wire_golden_test", "http_integration_test", "stream_simulation_test",
              "service_integration_test", "security_integration_test"]
       for room in ("wire", "session", "audit", "calls", "transport")},
}  # fmt: skip
LEFT_OUT = {"version.cc"}  # has nothing to change
# At the top of a changed file: an index out of bounds ends the test, as it does under the sanitizers, in which all of
# these tests run too.
CHECKED = "#define _GLIBCXX_ASSERTIONS\n"

AFTER_VALUE, BEFORE_VALUE = r"(?<=[\w)\]])", r"(?=[\w(\-])"
# Kind, pattern, replacement; each turns one place.
RULES = [
    ("comparison", AFTER_VALUE + " < " + BEFORE_VALUE, " <= "),
    ("comparison", AFTER_VALUE + " <= ", " < "),
    ("comparison", AFTER_VALUE + " > " + BEFORE_VALUE, " >= "),
    ("comparison", AFTER_VALUE + " >= ", " > "),
    ("comparison", AFTER_VALUE + " == ", " != "),
    ("comparison", AFTER_VALUE + " != ", " == "),
    ("logic", " && ", " || "),
    ("logic", r" \|\| ", " && "),
    ("sign", AFTER_VALUE + r" \+ " + BEFORE_VALUE, " - "),
    ("sign", AFTER_VALUE + " - " + BEFORE_VALUE, " + "),
    ("sign", r" \+= ", " -= "),
    ("sign", " -= ", " += "),
    ("bound", r"std::min\(", "std::max("),
    ("bound", r"std::max\(", "std::min("),
    ("index", r"(?<=\w) \+ 1\](?!\w)", "]"),
    ("index", r"\[(\w+)\](?= [=+-])", r"[\1 ^ 1]"),
    ("constant", r"(?<=[ (])0\.(\d+)(?=[,; )*])", r"0.9\1"),
    ("constant", "(?<== )0;", "1;"),
    ("constant", "(?<== )1;", "2;"),
    ("constant", r"(?<=[ (])2(?= \*)", "3"),
]


@dataclass(frozen=True)
class Mutant:
    """One change of one line."""

    room: str
    path: str  # of the file, within the repository
    line: int  # from 1
    kind: str
    before: str
    after: str

    def key(self) -> str:
        """Its name in equivalent.json, which holds while other lines move."""
        return f"{self.path}: {self.before.strip()} => {self.after.strip()}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind}: {self.before.strip()} => {self.after.strip()}"


def mutants_of(room: str, path: Path) -> list[Mutant]:
    """Every change that the rules can make to a file."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("//")[0].rstrip()
        if '"' in code or code.lstrip().startswith(("#", "template")):
            continue
        for kind, pattern, replacement in RULES:
            for match in re.finditer(pattern, code):
                after = code[: match.start()] + match.expand(replacement) + code[match.end() :]
                found.append(Mutant(room, str(path.relative_to(ROOT)), number, kind, code, after))
    return found


def choose(seed: int, count: int, rooms: list[str]) -> list[Mutant]:
    """`count` changes, spread evenly over rooms and by size over their files."""
    chance = random.Random(seed)
    files = {
        room: [p for p in sorted((ROOT / "server" / room).rglob("*.cc")) if p.name not in LEFT_OUT] for room in rooms
    }
    chosen: dict[Mutant, None] = {}
    while len(chosen) < count:
        room = rooms[len(chosen) % len(rooms)]
        path = chance.choices(files[room], [p.stat().st_size for p in files[room]])[0]
        if mutants := mutants_of(room, path):
            chosen[chance.choice(mutants)] = None
    return list(chosen)


def run(command: list[str], seconds: float | None = None) -> bool | None:
    """True where it succeeds, None where not in time. What it started ends with it."""
    with subprocess.Popen(
        command, cwd=COPY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None


def build(tests: list[str]) -> bool:
    return bool(run(["/usr/bin/cmake", "--build", str(BUILD), "-j2", "--target", *tests]))


def passes(test: str, seconds: float) -> bool | None:
    """By ctest, which knows the seeds and numbers of cases."""
    return run(["/usr/bin/ctest", "--test-dir", str(BUILD), "--no-tests=error", "-R", f"^{test}$"], seconds)


def prepare(rooms: list[str]) -> dict[str, float]:
    """A copy of the files that git knows, built, its tests passing; the seconds that each test may take."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, COPY / name
        if source.is_file() and not (copy.is_file() and filecmp.cmp(source, copy, shallow=False)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    settings = []
    if shutil.which("ccache"):
        settings.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    if shutil.which("mold"):
        settings.append("-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold")
    if not run(["/usr/bin/cmake", "--preset", "release", *settings]):
        raise SystemExit("the copy cannot be configured")
    tests = {test for room in rooms for test in TESTS[room]}
    if not build(sorted(tests)):
        raise SystemExit("the copy cannot be built")
    limits = {}
    for test in sorted(tests):
        start = time.monotonic()
        if not passes(test, 600):
            raise SystemExit(f"{test} fails without any change")
        limits[test] = 60 + 10 * (time.monotonic() - start)
    return limits


def judge(mutant: Mutant, limits: dict[str, float]) -> str | None:
    """The test that catches it, `nobody`, or None where it does not compile."""
    path = COPY / mutant.path
    original = path.read_text()
    lines = original.splitlines()
    lines[mutant.line - 1] = mutant.after
    try:
        path.write_text(CHECKED + "\n".join(lines) + "\n")
        for test in TESTS[mutant.room]:
            if not build([test]):
                return None
            passed = passes(test, limits[test])
            if not passed:
                return test if passed is False else f"{test}, which does not end"
        return "nobody"
    finally:
        path.write_text(original)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--allowed", type=int, default=2, help="changes that may survive")
    parser.add_argument("--rooms", nargs="*", default=list(TESTS), choices=list(TESTS))
    parser.add_argument("--list", action="store_true", help="print places to change and stop")
    args = parser.parse_args()
    mutants = choose(args.seed, 3 * args.count, args.rooms)  # some are equivalent, some do not compile
    if args.list:
        print(*mutants[: args.count], sep="\n")
        return 0

    equivalent: dict[str, str] = json.loads((Path(__file__).parent / "equivalent.json").read_text())
    os.environ.setdefault("ASSAY_SHARED", str(ROOT.parent / "shared"))
    os.environ.setdefault("RC_PARAMS", "seed=1")
    os.environ["GTEST_FAIL_FAST"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    limits = prepare(args.rooms)
    caught = judged = 0
    for mutant in mutants:
        if judged == args.count:
            break
        if reason := equivalent.get(mutant.key()):
            print(f"equivalent, {reason}: {mutant}", flush=True)
        elif catcher := judge(mutant, limits):
            judged += 1
            caught += catcher != "nobody"
            print(f"caught by {catcher}: {mutant}", flush=True)
    print(f"caught {caught} of {judged}, seed {args.seed}")
    return 0 if judged == args.count and judged - caught <= args.allowed else 1


if __name__ == "__main__":
    sys.exit(main())
