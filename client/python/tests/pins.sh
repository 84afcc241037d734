#!/usr/bin/env bash
# Usage: pins.sh [NAME...]
# Installs the package beside the versions that other packages ask for, each in an environment of its own, and runs
# there the tests that need nothing else. Needs a package index. NAME: some of the rows below; default: all.
# Environment: PYTHON (default /usr/bin/python3), ASSAY_VENVS (default: the user's cache folder).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
venvs=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/pins
export PIP_DISABLE_PIP_VERSION_CHECK=1

# Name, then what stands beside us: requirements as the named package writes them.
declare -A pins=(
  [oldest]="protobuf==5.29.0 grpcio==1.64.0"
  [tensorflow]="protobuf>=3.20.3,<6.0.0dev,!=4.21.* grpcio>=1.24.3,<2.0"
  [ray]="protobuf>=3.20.3,<6 grpcio>=1.42.0,<1.72"
  [vllm]="protobuf>=6.30.0,<7 grpcio>=1.76"
  [autogen]="autogen-core autogen-agentchat"
  [newest]="protobuf>=7,<8 grpcio>=1.76"
)
tests=(tests/test_client.py tests/test_group_board.py tests/test_main.py tests/test_stubs.py
  tests/test_verify_examples.py tests/test_log_records.py tests/test_convert.py tests/test_autogen_core.py)

cd "$here"
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${!pins[@]}")
failed=()
for name in "${names[@]}"; do
  venv=$venvs/$name
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  read -ra beside <<<"${pins[$name]}"
  "$venv/bin/pip" install --quiet "${beside[@]}" pytest numpy .
  # The folder's own sources would hide the installed package.
  printf '%s: ' "$name"
  "$venv/bin/python" -c 'import google.protobuf, grpc; print("protobuf", google.protobuf.__version__, "grpcio", grpc.__version__)'
  "$venv/bin/pip" check && "$venv/bin/python" -W error::UserWarning -m pytest -q "${tests[@]}" || failed+=("$name")
done

# One generation for all: what the generator of the oldest runtime writes is, after our rewriting, the same code.
generator=$venvs/generator
[ -x "$generator/bin/python" ] || "$python" -m venv "$generator"
"$generator/bin/pip" install --quiet grpcio-tools==1.71.2
old=$(mktemp -d)
new=$(mktemp -d)
trap 'rm -rf "$old" "$new"' EXIT
write='import pathlib, sys, generate_stubs; generate_stubs.generate(pathlib.Path(sys.argv[1]))'
"$generator/bin/python" -c "$write" "$old"
"$generator/bin/pip" install --quiet grpcio-tools==1.76.0
"$generator/bin/python" -c "$write" "$new"
diff -r --exclude='*.pyi' -I '^# Protobuf Python Version' "$old" "$new" && echo "stubs of protoc 5.29 and 6.31 are the same" ||
  failed+=(generator)
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
