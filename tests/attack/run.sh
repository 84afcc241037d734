#!/usr/bin/env bash
# Usage: tests/attack/run.sh [short | [--mode plain|tls|mutual|proxy] [--seconds S] [--rounds N] [NAME...]]
# Attacks a server of its own on loopback and measures it, beside a well-behaved client: see attack/run.py, and outside.py
# and inside.py there for the attacks. `short` is for the chaos stage: those that once ended a server, 3 s each, and a server without
# descriptors.
# Exit 0 only where every bound was kept: memory below what --check-config promises, the client's p99 below 1 s and no
# call lost, a new connection served within 1 s, memory and descriptors back within ten seconds.
# Environment: ASSAYD (the server; default: that of build/release), ASSAY_VENVS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export ASSAYD=${ASSAYD:-$root/build/release/server/assayd} PIP_DISABLE_PIP_VERSION_CHECK=1
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/attack
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -e "$root/client/python" trustme==1.2.1
cd "$here"
if [ "${1:-}" = short ]; then
  "$venv/bin/python" -m attack.run --seconds 3 gzip_bomb rapid_reset endless_field bad_paths empty_parts_with_token \
    connections silent_http unread_answers
  "$venv/bin/python" -m attack.run --seconds 3 --mode tls rapid_reset continuation_flood
  "$venv/bin/python" -m attack.run --seconds 3 --mode mutual bad_paths
  exec "$venv/bin/python" -m attack.descriptors
fi
exec "$venv/bin/python" -m attack.run "$@"
