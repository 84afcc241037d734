#!/usr/bin/env bash
# Usage: tests/coverage.sh [ROOM...]   (all rooms)
# Line coverage by room: builds with gcov (preset coverage), runs the tests (unit, property, simulation,
# integration, and chaos but for the long runs), and prints one line a room, `coverage ROOM PERCENT`. The
# assayd that a test starts counts as well, as it ends by itself on SIGTERM. Exit code 1: a room is below
# its aim. Lines that no test has run:
# build/coverage/ROOM.txt.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/coverage
readonly strict='credit blame signals' strict_aim=95 aim=85
rooms=("$@")
[ $# -gt 0 ] || rooms=(credit blame signals evaluation engine service telemetry runtime client)

"$root/deploy/install_packages.sh" build test coverage
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
(cd "$root" && /usr/bin/cmake --preset coverage "${launcher[@]}") >/dev/null
/usr/bin/cmake --build "$build" -j "$(nproc)"
find "$build" -name '*.gcda' -delete
RC_PARAMS=${RC_PARAMS:-seed=1} /usr/bin/ctest --test-dir "$build" -j "$(nproc)" --output-on-failure \
  -LE '^benchmark$' -E '^(soak|storm)_test$'

# Once over all of gcov's files, then by room.
cd "$root"
gcovr --root . --filter server/ --filter client/cpp/ --exclude client/cpp/examples/ --json "$build/all.json" "$build"
failed=0
for room in "${rooms[@]}"; do
  source=server/$room
  [ "$room" != client ] || source=client/cpp
  gcovr --root . --add-tracefile "$build/all.json" --filter "$source/" --json-summary "$build/$room.json" \
    --txt "$build/$room.txt"
  wanted=$aim
  case " $strict " in *" $room "*) wanted=$strict_aim ;; esac
  /usr/bin/python3 - "$room" "$wanted" "$build/$room.json" <<'PYTHON' || failed=1
import json, sys

room, wanted, path = sys.argv[1:]
with open(path) as file:
    percent = json.load(file)["line_percent"]
below = percent < float(wanted)
print(f"coverage {room} {percent}" + (f" below {wanted}" if below else ""))
sys.exit(below)
PYTHON
done
exit $failed
