#!/usr/bin/env bash
# Usage: tests/coverage.sh [CTEST ARGUMENT...]   (Debian 12, as root or with sudo where packages are missing)
# Line coverage by room. Builds with gcov (preset coverage, build/coverage), runs the C++ and command tests once (property
# with a hundredth of the cases; without the soak, the storm and blame_simulation_test, which take minutes unoptimised and
# reach no line of their own; with arguments only what they select), and prints one line a room. Exit code 1: a test
# failed or a room is below its aim.
# build/coverage/lines.txt has the lines of each file that no test has run.
# Counted: all of server, client/cpp, client/input and client/command. Not counted: generated code, tests, and
# client/cpp/examples, which are for reading. What a test starts counts as well where it ends by itself: a killed
# process leaves no counts.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/coverage

"$root/deploy/install_packages.sh" build test coverage
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cd "$root"
/usr/bin/cmake --preset coverage "${launcher[@]}" >/dev/null
/usr/bin/cmake --build "$build" -j "$(nproc)"

find "$build" -name '*.gcda' -delete
tests=0
RC_PARAMS=seed=1 /usr/bin/ctest --test-dir "$build" -j "$(nproc)" --output-on-failure --repeat until-pass:2 -LE '^benchmark$' \
  -E '^(soak|storm|blame_simulation)_test$' "$@" || tests=1

gcovr --root . --filter server/ --filter client/cpp/ --filter client/input/ --filter client/command/ \
  --exclude client/cpp/examples/ --json-summary "$build/summary.json" --txt "$build/lines.txt" "$build"
/usr/bin/python3 - "$build/summary.json" <<'PYTHON' || tests=1
import collections
import json
import sys

AIMS = {"credit": 95, "blame": 95, "signals": 95}
OTHERS = 85

with open(sys.argv[1]) as file:
    files = json.load(file)["files"]
lines = collections.defaultdict(lambda: [0, 0])
for file in files:
    parts = file["filename"].split("/")
    room = "client" if parts[0] == "client" else parts[1] if len(parts) > 2 else "runtime"  # main.cc
    lines[room][0] += file["line_covered"]
    lines[room][1] += file["line_total"]
below = [room for room, (covered, total) in lines.items() if 100 * covered < AIMS.get(room, OTHERS) * total]
for room, (covered, total) in sorted(lines.items()):
    print(f"{room:<11} {100 * covered / total:5.1f} % of {total}" + (", below its aim" if room in below else ""))
sys.exit(bool(below))
PYTHON
exit $tests
