#!/usr/bin/env bash
# Usage: tests/hostile/run.sh [SCRIPTS [SEED]]   (default 100 scripts, seed 1)
# Both clients against a server that does what no server should (hostile_server.py), and against wrong certificates
# (certificates.py). Prints how the scripts ended;
# exit 0 only where no client hung, crashed, lost an episode, answered one twice or made one up.
# Environment: HOSTILE_CLIENT (the C++ program; default: that of build/release), ASSAY_VENVS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
scripts=${1:-100}
seed=${2:-1}
client=${HOSTILE_CLIENT:-$root/build/release/tests/hostile/hostile_client}
readonly lanes=16

export PIP_DISABLE_PIP_VERSION_CHECK=1
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/attack
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -e "$root/client/python" trustme==1.2.1

code=0
"$venv/bin/python" "$here/python_client.py" "$scripts" "$seed" "$lanes" "$client" || code=$?
# What gRPC says of each script is of no interest.
"$venv/bin/python" "$here/python_client.py" "$scripts" "$seed" "$lanes" 2>/dev/null || code=$?
"$venv/bin/python" "$here/certificates.py" "$client" 2>/dev/null || code=$?
exit "$code"
