#!/usr/bin/env python3
"""Do the tests notice? Makes single changes to the rooms of the server and runs the tests of each.

    tests/mutation/mutate.py --seed 1 --count 30

A change turns one comparison, sign, bound, index or constant. It is made in a copy of the repository
(build/mutation), built, and the tests of the room and of its users are run with their fixed seeds, until
one fails. Prints one line a change; changes that alter nothing are listed with the reason in
equivalent.json. Ends with `caught N of M`; the exit code is 0 where at most --allowed survive.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutation"
BUILD = COPY / "build" / "release"
TEST_SECONDS = 300  # a mutant that makes a loop endless is caught by its time

# Fastest first.
TESTS = {
    "credit": ["credit_unit_test", "signals_test", "wire_golden_test", "credit_property_test", "signals_property_test"],
    "blame": ["blame_test", "signals_test", "wire_golden_test", "blame_property_test", "signals_property_test"],
    "signals": ["signals_test", "wire_golden_test", "service_test", "signals_property_test"],
    "evaluation": ["evaluation_unit_test", "evaluation_property_test", "vote_oracle_test", "wire_golden_test"],
    "engine": ["engine_unit_test", "stream_simulation_test"],
    "service": ["service_test", "wire_golden_test", "stream_simulation_test"],
}
# Left out: what is built with gRPC or curl, and what has no line of logic.
LEFT_OUT = {
    "http_client.cc", "judge.cc", "judge_prompt.cc", "judge_verdict.cc", "remote.cc",
    "http_gateway.cc", "http_routes.cc", "signal_service.cc", "stream_call.cc", "batch_call.cc", "version.cc",
    "server_info.cc",
}

# (kind, pattern, replacement); each turns one place.
RULES: list[tuple[str, re.Pattern[str], str]] = [
    ("comparison", re.compile(r"(?<=[\w)\]]) < (?=[\w(-])"), " <= "),
    ("comparison", re.compile(r"(?<=[\w)\]]) <= "), " < "),
    ("comparison", re.compile(r"(?<=[\w)\]]) > (?=[\w(-])"), " >= "),
    ("comparison", re.compile(r"(?<=[\w)\]]) >= "), " > "),
    ("comparison", re.compile(r"(?<=[\w)\]]) == "), " != "),
    ("comparison", re.compile(r"(?<=[\w)\]]) != "), " == "),
    ("logic", re.compile(r" && "), " || "),
    ("logic", re.compile(r" \|\| "), " && "),
    ("sign", re.compile(r"(?<=[\w)\]]) \+ (?=[\w(])"), " - "),
    ("sign", re.compile(r"(?<=[\w)\]]) - (?=[\w(])"), " + "),
    ("sign", re.compile(r" \+= "), " -= "),
    ("sign", re.compile(r" -= "), " += "),
    ("bound", re.compile(r"std::min\("), "std::max("),
    ("bound", re.compile(r"std::max\("), "std::min("),
    ("index", re.compile(r"(?<=\w) \+ 1\](?!\w)"), "]"),
    ("index", re.compile(r"\[(\w+)\](?= [=+-])"), r"[\1 ^ 1]"),
    ("constant", re.compile(r"(?<=[ (])0\.(\d+)(?=[,; )*])"), r"0.9\1"),
    ("constant", re.compile(r"(?<== )0;"), "1;"),
    ("constant", re.compile(r"(?<== )1;"), "2;"),
    ("constant", re.compile(r"(?<=[ (])2(?= \*)"), "3"),
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

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind}: {self.before.strip()}  =>  {self.after.strip()}"


def mutants_of(room: str, path: Path) -> list[Mutant]:
    """Every change that the rules can make to a file."""
    found = []
    name = str(path.relative_to(ROOT))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("//")[0]
        if '"' in code or code.lstrip().startswith(("#", "template", "*")) or not code.strip():
            continue
        for kind, pattern, replacement in RULES:
            for match in pattern.finditer(code):
                after = code[: match.start()] + match.expand(replacement) + code[match.end() :]
                found.append(Mutant(room, name, number, kind, code, after))
    return found


def choose(seed: int, count: int, rooms: list[str]) -> list[Mutant]:
    """More than `count` changes, spread over rooms and files; some may not compile."""
    chance = random.Random(seed)
    chosen: list[Mutant] = []
    files = {
        room: [p for p in sorted((ROOT / "server" / room).glob("*.cc")) if p.name not in LEFT_OUT] for room in rooms
    }
    while len(chosen) < 3 * count:
        room = rooms[len(chosen) % len(rooms)]
        path = chance.choices(files[room], [p.stat().st_size for p in files[room]])[0]
        mutants = mutants_of(room, path)
        if mutants:
            mutant = chance.choice(mutants)
            if mutant not in chosen:
                chosen.append(mutant)
    return chosen


def run(command: list[str], seconds: float | None = None) -> bool:
    """True where it succeeds in time."""
    try:
        done = subprocess.run(command, cwd=COPY, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def build(tests: list[str]) -> bool:
    return run(["/usr/bin/cmake", "--build", str(BUILD), "-j2", "--target", *tests])


def prepare(rooms: list[str]) -> None:
    """A copy of the files that git knows, built, its tests passing."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, COPY / name
        if source.is_file() and not (copy.is_file() and filecmp.cmp(source, copy, shallow=False)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if Path("/usr/bin/ccache").exists() else []
    configure = ["/usr/bin/cmake", "-S", ".", "-B", str(BUILD), "-G", "Ninja", "-DASSAY_WITH_GRPC=OFF",
                 "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    if not run([*configure, "-DCMAKE_BUILD_TYPE=Release", *launcher]):
        raise SystemExit("the copy cannot be configured")
    tests = sorted({test for room in rooms for test in TESTS[room]})
    if not build(tests):
        raise SystemExit("the copy cannot be built")
    for test in tests:
        if not passes(test):
            raise SystemExit(f"{test} fails without any change")


def passes(test: str) -> bool:
    """By ctest, which knows the seeds and numbers of cases."""
    command = ["/usr/bin/ctest", "--test-dir", str(BUILD), "-R", f"^{test}$", "--timeout", str(TEST_SECONDS)]
    return run(command, TEST_SECONDS + 60)


def judge(mutant: Mutant) -> str:
    """The test that catches it, `survived`, or `invalid` where it does not compile."""
    path = COPY / mutant.path
    original = path.read_text()
    lines = original.splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.after + "\n"
    try:
        path.write_text("".join(lines))
        tests = TESTS[mutant.room]
        # The first alone where it suffices: most changes die early.
        for test in tests:
            if not build([test]):
                return "invalid"
            if not passes(test):
                return test
        return "survived"
    finally:
        path.write_text(original)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--allowed", type=int, default=2, help="changes that may survive")
    parser.add_argument("--rooms", nargs="*", default=list(TESTS), choices=list(TESTS))
    parser.add_argument("--list", action="store_true", help="print the changes and stop")
    args = parser.parse_args()
    mutants = choose(args.seed, args.count, args.rooms)
    if args.list:
        print(*mutants[: args.count], sep="\n")
        return 0
    equivalent = json.loads((Path(__file__).parent / "equivalent.json").read_text())
    os.environ["ASSAY_SHARED"] = os.environ.get("ASSAY_SHARED", str(ROOT.parent / "shared"))
    prepare(args.rooms)
    caught = judged = 0
    for mutant in mutants:
        if judged == args.count:
            break
        reason = equivalent.get(f"{mutant.path}: {mutant.before.strip()} => {mutant.after.strip()}")
        if reason is not None:
            print(f"equivalent ({reason}): {mutant}", flush=True)
            continue
        fate = judge(mutant)
        if fate == "invalid":
            continue
        judged += 1
        caught += fate != "survived"
        print(f"{'survived' if fate == 'survived' else f'caught by {fate}'}: {mutant}", flush=True)
    print(f"caught {caught} of {judged}, seed {args.seed}")
    return 0 if judged == args.count and judged - caught <= args.allowed else 1


if __name__ == "__main__":
    sys.exit(main())
