#!/usr/bin/env bash
# Usage: tests/benchmarks/run.sh [NAME...]
# NAME: wire mix http python service engine signals credit estimators; default: all. Builds what they need, nothing else.
# Ends with one line a figure, `NAME VALUE UNIT`. Ratios within one run: the machine's speed drifts. Each NAME has lines
# that say whether the machine was quiet enough to believe it (quiet.py).
# RESULTS=1: writes the raw numbers of the wire to tests/benchmarks/RAW.md; what they mean is in RESULTS.md.
# PYTHON (default python3): for `python`, one that has the client and what its tests need; "skipped" where it has not.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/benchmarks
declare -A targets=(
  [wire]="assayd echo_server load_generator"
  [mix]="assayd echo_server load_generator"
  [http]="assayd echo_server load_generator http_load_generator"
  [python]="assayd echo_server"
  [service]="service_benchmark service_counts"
  [engine]="engine_figures remote_figures stream_figures"
  [signals]="signals_benchmark"
  [credit]="credit_figures"
  [estimators]="estimators_benchmark large_estimators"
)
names=("$@")
[ $# -gt 0 ] || names=(wire mix http python service engine signals credit estimators)
needed=()
for name in "${names[@]}"; do
  if [ -z "${targets[$name]:-}" ]; then
    echo "no such benchmark: $name" >&2
    exit 2
  fi
  read -ra more <<<"${targets[$name]}"
  needed+=("${more[@]}")
done

"$root/deploy/install_packages.sh" build test benchmark >&2
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
/usr/bin/cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DASSAY_BUILD_BENCHMARKS=ON \
  "${launcher[@]}" >&2
/usr/bin/cmake --build "$build" -j "$(nproc)" --target "${needed[@]}" >&2

out=$(mktemp)
trap 'rm -f "$out"' EXIT
for name in "${names[@]}"; do
  echo "# $name" >&2
  /usr/bin/python3 "$here/quiet.py" "$name" -- "$here/figures.sh" "$name" "$build" | tee -a "$out" >&2
done
grep -E '^[a-z0-9_]+ [-+0-9.e]+ [^ ]+$' "$out"
