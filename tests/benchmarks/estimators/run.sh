#!/usr/bin/env bash
# Usage: run.sh FOLDER_OF_ESTIMATORS_BENCHMARK [OUTPUT]
# The estimators against the public anchors, OddBayes against its numpy reference, then against public estimators at 24
# to 64 agents. The first two need ../shared beside the repository (or ASSAY_SHARED) and print "skipped" without it.
# OUTPUT: folder for estimators.csv and estimators.svg.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shared=${ASSAY_SHARED:-$here/../../../../shared}
binary=$1/estimators_benchmark
output=()
[ $# -lt 2 ] || output=(--output="$2")
"$binary" --bench="$shared/bench" --seeds="${SEEDS:-30}" --cells=false "${output[@]}"
/usr/bin/python3 "$here/over_reference.py" "$binary" "$shared"
"$1/large_estimators" "$here/large_anchors.csv"
