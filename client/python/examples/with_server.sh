#!/usr/bin/env bash
# Usage: with_server.sh NAME LOG REQUIREMENTS MODULE [ARGUMENT...]
# Installs the client and REQUIREMENTS into the environment NAME, starts a server that logs to LOG, and runs
# `python -m MODULE --server HOST:PORT ARGUMENT...` against it.
# Environment: ASSAYD (the server; default: that of a build folder, built where there is none),
# PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
name=$1 log=$2 requirements=$3 module=$4
shift 4
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/$name

# One thread a process: the processes are what is parallel here.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet "$root/client/python" -r "$requirements"

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
"$assayd" --listen="$address" --metrics="127.0.0.1:$(free_port)" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT

"$venv/bin/python" - "$address" <<'WAIT' || { tail -20 "$log" >&2; exit 1; }
import sys

import grpc

try:
    grpc.channel_ready_future(grpc.insecure_channel(sys.argv[1])).result(timeout=60)
except grpc.FutureTimeoutError:
    sys.exit("assayd does not answer")
WAIT

cd "$here"
"$venv/bin/python" -m "$module" --server "$address" "$@"
