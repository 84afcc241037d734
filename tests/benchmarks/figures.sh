#!/usr/bin/env bash
# Usage: tests/benchmarks/figures.sh NAME BUILD
# The figures of one benchmark of run.sh from what is built in the folder BUILD, `NAME VALUE UNIT` a line.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
build=$2
bin=$build/tests/benchmarks
servers=(--echo "$bin/wire/echo_server" --assayd "$build/server/assayd" --generator "$bin/wire/load_generator")

figures_wire() {
  local table=()
  [ -z "${RESULTS:-}" ] || table=(--table "$here/RAW.md")
  /usr/bin/python3 "$here/wire/wire.py" "${servers[@]}" \
    --revision "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" "${table[@]}"
}
figures_mix() { /usr/bin/python3 "$here/wire/mix.py" "${servers[@]}"; }
figures_http() { /usr/bin/python3 "$here/wire/http.py" "${servers[@]}" --http-generator "$bin/wire/http_load_generator"; }
figures_python() {
  local python=${PYTHON:-python3} tests=$root/client/python/tests
  if ! "$python" -c 'import assay_rl, grpc' 2>/dev/null; then
    echo "skipped: $python has no assay_rl and grpcio"
    return
  fi
  "$python" "$tests/benchmark_throughput.py" --echo "$bin/wire/echo_server" --assayd "$build/server/assayd"
  "$python" "$tests/benchmark_memory.py" --assayd "$build/server/assayd"
}
figures_engine() {
  "$bin/engine/engine_figures"
  "$bin/engine/remote_figures"
  "$bin/engine/stream_figures"
}
# Step by step, in microseconds: what the ratios of the wire are made of. Then what an episode takes on any machine.
figures_service() {
  "$bin/service/service_benchmark" --benchmark_format=csv 2>/dev/null |
    awk -F, '/^"BM_/ { gsub(/"|BM_/, "", $1); gsub(/[^A-Za-z0-9]+/, "_", $1); printf "%s %.3f us\n", tolower($1), $4 / 1000 }'
  /usr/bin/python3 "$here/service/counts.py" "$bin/service/service_counts"
}
figures_signals() {
  "$bin/signals/signals_benchmark" --benchmark_format=json --benchmark_filter='BM_(Messages|ExactAgents|SampledQuestions)' 2>/dev/null |
    /usr/bin/python3 "$here/signals/slope.py"
}
figures_credit() { "$bin/credit/credit_figures"; }
figures_estimators() { "$here/estimators/run.sh" "$bin/estimators"; }

"figures_$1"
