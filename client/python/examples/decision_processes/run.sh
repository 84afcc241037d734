#!/usr/bin/env bash
# Usage: run.sh
# Measures everything against a server that it starts itself, and writes the tables into README.md beside this file.
# Environment: as for ../with_server.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$here/.cache"
exec "$here/../with_server.sh" decision_processes "$here/.cache/assayd.log" "$here/requirements.txt" decision_processes
