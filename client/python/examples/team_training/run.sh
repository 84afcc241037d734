#!/usr/bin/env bash
# Usage: run.sh [--smoke] [--resume] [--processes N]
# Runs the whole experiment against a server that it starts itself; REPORT.md, ABLATIONS.md and pictures go beside this
# file (with --smoke, which takes a minute: into .cache/). Ends with one line an environment:
#   rollouts_ratio NAME VALUE LOW HIGH   (Assay over the best baseline, 95 % interval)
# Environment: as for ../with_server.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/.cache
output=$here
results=$cache/results.json
for argument in "$@"; do
  if [ "$argument" = --smoke ]; then output=$cache/smoke results=$cache/smoke/results.json; fi
done
mkdir -p "$cache"
exec "$here/../with_server.sh" team_training "$cache/assayd.log" "$here/requirements.txt" team_training \
  --output "$output" --results "$results" "$@"
