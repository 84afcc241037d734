#!/usr/bin/env bash
# Usage: run.sh FOLDER_OF_ESTIMATORS_BENCHMARK [OUTPUT]
# The estimators against the public anchors, then OddBayes against its numpy reference. Needs ../shared beside the
# repository (or ASSAY_SHARED); prints "skipped" without it. OUTPUT: folder for estimators.csv and estimators.svg.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shared=${ASSAY_SHARED:-$here/../../../../shared}
binary=$1/estimators_benchmark
output=()
[ $# -lt 2 ] || output=(--output="$2")
"$binary" --bench="$shared/bench" --seeds="${SEEDS:-30}" --cells=false "${output[@]}"
/usr/bin/python3 "$here/over_reference.py" "$binary" "$shared"
