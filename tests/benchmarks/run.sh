#!/usr/bin/env bash
# Usage: tests/benchmarks/run.sh [NAME...]
# NAME: wire service engine signals credit estimators; default: all.
# Ends with one line a figure, `NAME VALUE UNIT`. Ratios within one run: the machine's speed drifts.
# Writes the raw numbers of the wire to tests/benchmarks/RAW.md where RESULTS=1 is set; what they mean is in RESULTS.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/benchmarks
names=("$@")
[ $# -gt 0 ] || names=(wire service engine signals credit estimators)

"$root/deploy/install_packages.sh" build test benchmark >&2
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
/usr/bin/cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DASSAY_BUILD_BENCHMARKS=ON \
  "${launcher[@]}" >&2
/usr/bin/cmake --build "$build" -j "$(nproc)" >&2
bin=$build/tests/benchmarks

figures_wire() {
  local table=()
  [ -z "${RESULTS:-}" ] || table=(--table "$root/tests/benchmarks/RAW.md")
  /usr/bin/python3 "$root/tests/benchmarks/wire/wire.py" --echo "$bin/wire/echo_server" \
    --assayd "$build/server/assayd" --generator "$bin/wire/load_generator" \
    --revision "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" "${table[@]}"
}
figures_engine() {
  "$bin/engine/engine_figures"
  "$bin/engine/remote_figures"
  "$bin/engine/stream_figures"
}
# Step by step, in microseconds: what the ratios of the wire are made of.
figures_service() {
  "$bin/service/service_benchmark" --benchmark_format=csv 2>/dev/null |
    awk -F, '/^"BM_/ { gsub(/"|BM_/, "", $1); gsub(/[^A-Za-z0-9]+/, "_", $1); printf "%s %.3f us\n", tolower($1), $4 / 1000 }'
}
figures_signals() {
  "$bin/signals/signals_benchmark" --benchmark_format=json --benchmark_filter='BM_(Messages|ExactAgents|SampledQuestions)' 2>/dev/null |
    /usr/bin/python3 "$root/tests/benchmarks/signals/slope.py"
}
figures_credit() { "$bin/credit/credit_figures"; }
figures_estimators() { "$root/tests/benchmarks/estimators/run.sh" "$bin/estimators"; }

out=$(mktemp)
trap 'rm -f "$out"' EXIT
for name in "${names[@]}"; do
  echo "# $name" >&2
  "figures_$name" | tee -a "$out" >&2
done
grep -E '^[a-z0-9_]+ [-+0-9.e]+ [^ ]+$' "$out"
