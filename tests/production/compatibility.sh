#!/usr/bin/env bash
# Usage: tests/production/compatibility.sh [WHEEL]   (WHEEL: of the release before, with the server inside)
# Shows the promise of README.md: this client with the server of the release before, and its client with this server,
# answer every sample with signals, by stream and by call. Without WHEEL: skipped, as long as there is no release before.
# Environment: ASSAYD (this server), ASSAY_VENVS (Python environments; default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
wheel=${1:-}
if [ -z "$wheel" ]; then
  echo "skipped: there is no release before this one; give its wheel"
  exit 0
fi
venvs=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}
export PIP_DISABLE_PIP_VERSION_CHECK=1
for name in compatibility-before compatibility-now; do
  [ -x "$venvs/$name/bin/python" ] || /usr/bin/python3 -m venv "$venvs/$name"
done
"$venvs/compatibility-before/bin/pip" install --quiet --force-reinstall "$wheel"
"$venvs/compatibility-now/bin/pip" install --quiet -e "$root/client/python"
before=$(find "$venvs/compatibility-before" -path '*/programs/assayd' -type f)
now=${ASSAYD:-$root/build/release/server/assayd}

# answered PYTHON SERVER: every sample, through a server of that program's own.
answered() {
  ASSAYD=$2 "$1" - "$root/tests/data/samples" <<'PYTHON'
import sys
from pathlib import Path
from assay_rl import Client, Episode, GroupFailed, Scored

episodes = [Episode.from_json(line) for path in sorted(Path(sys.argv[1]).glob("*.jsonl")) for line in path.open(encoding="utf-8")]
with Client() as client:
    version = client.info().version
    streamed = list(client.score(episodes))
    called = client.compute(episodes[:1])
assert sum(isinstance(outcome, Scored) for outcome in streamed) == len(episodes), streamed
assert not any(isinstance(outcome, GroupFailed) for outcome in streamed), streamed
assert all(isinstance(outcome, Scored) for outcome in called.outcomes), called
print(f"{len(episodes)} episodes answered by server {version}")
PYTHON
}
echo "the client of now, the server before:"
answered "$venvs/compatibility-now/bin/python" "$before"
echo "the client before, the server of now:"
answered "$venvs/compatibility-before/bin/python" "$now"
