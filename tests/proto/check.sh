#!/usr/bin/env bash
# Usage: tests/proto/check.sh [--update]
# The wire contract: buf's STANDARD rules, no breaking change against proto/golden.binpb, and the golden
# descriptor is that of today's files. --update writes it anew, where nothing breaks.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
golden=$root/proto/golden.binpb
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/buf

[ -x "$venv/bin/buf" ] || {
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check buf-bin==1.75.0
}

cd "$root/proto"
"$venv/bin/buf" lint
"$venv/bin/buf" breaking --against "$golden"
today=$(mktemp)
trap 'rm -f "$today"' EXIT
protoc -I . --include_imports --descriptor_set_out="$today" assay/v1/*.proto
if [ "${1:-}" = --update ]; then
  cp "$today" "$golden"
elif ! cmp -s "$today" "$golden"; then
  echo "proto/golden.binpb is older than the .proto files: run tests/proto/check.sh --update" >&2
  exit 1
fi
