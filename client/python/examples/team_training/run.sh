#!/usr/bin/env bash
# Usage: run.sh [--smoke] [--processes N]
# Runs the whole experiment against a server that it starts itself, and writes REPORT.md with its pictures beside this
# file (with --smoke, which takes a minute: into .cache/). Ends with one line an environment:
#   rollouts_ratio NAME VALUE LOW HIGH   (Assay over the best baseline, 95 % interval)
# Environment: ASSAYD (the server; default: that of a build folder, built where there is none),
# PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/team_training
cache=$here/.cache
output=$here
results=$cache/results.json
for argument in "$@"; do
  if [ "$argument" = --smoke ]; then output=$cache/smoke results=$cache/smoke/results.json; fi
done
mkdir -p "$cache"

# One thread a process: the processes are what is parallel here.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet "$root/client/python" -r "$here/requirements.txt"

find_server() {
  local found
  for found in "$root"/build/{release/,}server/assayd "$root"/build*/{,*/}server/assayd; do
    if [ -x "$found" ]; then echo "$found" && return; fi
  done
}
assayd=${ASSAYD:-$(find_server)}
if [ -z "$assayd" ]; then
  "$root/deploy/install_packages.sh" build
  (cd "$root" && /usr/bin/cmake --preset release && /usr/bin/cmake --build build/release -j 2 --target assayd)
  assayd=$(find_server)
fi

free_port() {
  "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
address=127.0.0.1:$(free_port)
"$assayd" --listen="$address" --metrics="127.0.0.1:$(free_port)" >"$cache/assayd.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT

"$venv/bin/python" - "$address" <<'WAIT' || { tail -20 "$cache/assayd.log" >&2; exit 1; }
import sys

import grpc

try:
    grpc.channel_ready_future(grpc.insecure_channel(sys.argv[1])).result(timeout=30)
except grpc.FutureTimeoutError:
    sys.exit("assayd does not answer")
WAIT

cd "$here/.."
"$venv/bin/python" -m team_training --server "$address" --output "$output" --results "$results" "$@"
