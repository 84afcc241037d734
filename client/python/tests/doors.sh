#!/usr/bin/env bash
# Usage: doors.sh [NAME...]
# Installs each trainer whose adapter is tested with the real package, in an environment of its own, and runs its test in
# tests/test_doors.py or tests/test_verifiers.py. Needs a package index, and a built assayd (ASSAYD, or a build folder).
# NAME: some of the rows.
# Environment: PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
venvs=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/doors
export PIP_DISABLE_PIP_VERSION_CHECK=1 OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1

# Name of the tests; what is installed with its requirements; what without them, whatever Python it asks for: the modules
# that an adapter meets run on this one, what they need beside it stands in the middle.
declare -A full=(
  [verifiers]="verifiers==0.4.0"
  [art]="openpipe-art==0.5.18"
  [openenv]="openenv==0.10.0"
  [tinker]="tinker==0.38.0 torch==2.13.0 numpy chz cloudpickle pillow datasets termcolor rich transformers sympy
    pylatexenc tqdm huggingface_hub blobfile aiohttp anyio"
  [agent_lightning]="pydantic"
  [skyrl]="torch==2.13.0 numpy jaxtyping loguru omegaconf tensordict ray==2.60.0 pydantic cloudpathlib pandas
    typing_extensions"
)
declare -A bare=(
  [tinker]="tinker-cookbook==0.6.1"
  [agent_lightning]="agentlightning==1.0.2"
  [skyrl]="skyrl==0.4.0 skyrl-gym==0.4.0"
)

cd "$here"
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${!full[@]}")
failed=()
for name in "${names[@]}"; do
  venv=$venvs/$name
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  read -rd '' -a packages <<<"${full[$name]} " || true
  "$venv/bin/pip" install --quiet "${packages[@]}" pytest -e .
  if [ -n "${bare[$name]:-}" ]; then
    read -ra packages <<<"${bare[$name]}"
    "$venv/bin/pip" install --quiet --no-deps --ignore-requires-python "${packages[@]}"
  fi
  printf '%s: ' "$name"
  # A test that skips is a package that did not install.
  "$venv/bin/python" -m pytest -q tests/test_doors.py tests/test_verifiers.py -k "$name" | tee "$venvs/$name.log" || failed+=("$name")
  ! grep -q skipped "$venvs/$name.log" || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
