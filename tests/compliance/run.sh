#!/usr/bin/env bash
# Usage: tests/compliance/run.sh [ADDRESS] [PYTEST ARGUMENT...]
# Does whoever serves assay.v1 at ADDRESS (HOST:PORT, plaintext) keep the contract? Without an address a server is
# started here; what ends the server is tried only then.
# Environment: ASSAYD (the server to start; default: build/release's), ASSAY_VENVS (default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/compliance

case "${1:-}" in
  *:*)
    export ASSAY_ADDRESS=$1
    shift
    ;;
esac
export ASSAYD=${ASSAYD:-$root/build/release/server/assayd} PYTHONDONTWRITEBYTECODE=1
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
# The package brings the messages, and the second implementation of the mathematics that checks the answers.
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/pip" install --quiet 'pytest>=8' -e "$root/client/python"
exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir "$here" "$here" "$@"
