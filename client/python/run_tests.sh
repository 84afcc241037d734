#!/usr/bin/env bash
# Usage: run_tests.sh [--trainers] [PYTEST ARGUMENT...]
# Installs the package into its own environment, then runs ruff, mypy and pytest. With --trainers instead: the slow
# stage that installs torch and TRL and trains small models on CPU.
# Environment: PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder), ASSAYD (the server).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-/usr/bin/python3}
venvs=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}

stage=test
if [ "${1:-}" = --trainers ]; then
  stage=trainers
  shift
fi

venv=$venvs/$stage
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1

cd "$here"
if [ "$stage" = trainers ]; then
  "$venv/bin/pip" install --quiet -e '.[test,trainers]'
  exec "$venv/bin/python" -m pytest -m trainers "$@"
fi
"$venv/bin/pip" install --quiet -e '.[test]'
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest -m 'not trainers' "$@"
