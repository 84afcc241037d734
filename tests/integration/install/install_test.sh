#!/usr/bin/env bash
# Usage: install_test.sh BUILD_DIRECTORY
# Installs the C++ library somewhere, and builds and runs a program of somebody else's against it.
set -euo pipefail
build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

/usr/bin/cmake --install "$build" --component library --prefix "$work/prefix"
/usr/bin/cmake -S "$here/consumer" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix"
/usr/bin/cmake --build "$work/build"
"$work/build/consumer"
test -f "$work/prefix/share/assay/proto/assay/v1/signal_service.proto"
