#!/usr/bin/env bash
# Usage: run_tests.sh [--study | --trainers | --doors | --loggers | --llama | --pins] [PYTEST ARGUMENT...]
# Installs the package into its own environment, then runs ruff, mypy and pytest. Instead of that:
#   --study     a minute of the training study, from its rollouts to its last lines
#   --trainers  the slow stage: installs torch, TRL, verl, OpenRLHF and Ray, and trains small models on CPU
#   --doors     tests/doors.sh: the adapters of the other trainers with their real packages
#   --loggers   installs TensorBoard, Weights & Biases and MLflow; what is written to them offline is read again
#   --llama     installs llama.cpp (a wheel of 34 MB), and both judges ask it
#   --pins      tests/pins.sh: beside the protobuf and grpcio that tensorflow, ray, vllm and autogen ask for
# Environment: PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder), ASSAYD (the server;
# default: the one in a build folder of the repository), ASSAY_SHARED (real episodes; default: ../shared).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-/usr/bin/python3}
venvs=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}

if [ "${1:-}" = --pins ] || [ "${1:-}" = --doors ]; then
  script=${1#--}
  shift
  exec "$here/tests/$script.sh" "$@"
fi
stage="test"
if [ "${1:-}" = --trainers ] || [ "${1:-}" = --loggers ] || [ "${1:-}" = --llama ]; then
  stage=${1#--}
  shift
fi

venv=$venvs/$stage
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1

cd "$here"
if [ "$stage" = trainers ]; then
  "$venv/bin/pip" install --quiet -r tests/requirements-trainers.txt -e .
  "$venv/bin/pip" install --quiet --no-deps verl==0.9.1 openrlhf==0.11.2
  # TRL took PRMTrainer out after 1.13: the test of the prm export runs in a process with that version on its path.
  export ASSAY_TRL_PRM=$venv/trl-1.13
  [ -d "$ASSAY_TRL_PRM" ] || "$venv/bin/pip" install --quiet --no-deps --target "$ASSAY_TRL_PRM" trl==1.13.0
  # Hubs are not asked, and threads do not wait for each other on models this small.
  export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
  exec "$venv/bin/python" -m pytest -m trainers tests/test_trl.py tests/test_trl_team.py tests/test_verl.py \
    tests/test_verl_team.py tests/test_openrlhf.py tests/test_ray_data.py tests/test_grade_everywhere.py "$@"
fi
if [ "$stage" = loggers ]; then
  "$venv/bin/pip" install --quiet -r tests/requirements-loggers.txt -e .
  exec "$venv/bin/python" -m pytest tests/test_loggers.py "$@"
fi
if [ "$stage" = llama ]; then
  "$venv/bin/pip" install --quiet --only-binary xllamacpp -e '.[llama]' 'pytest>=8'
  exec "$venv/bin/python" -m pytest tests/test_judge_llama.py "$@"
fi
"$venv/bin/pip" install --quiet -e '.[test]'
if [ "${1:-}" = --study ]; then
  shift
  exec "$venv/bin/python" -m pytest -m study tests/test_team_training.py "$@"
fi
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest -m 'not trainers and not study' "$@"
