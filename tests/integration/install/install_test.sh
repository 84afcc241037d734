#!/usr/bin/env bash
# Usage: install_test.sh BUILD_DIRECTORY
# Installs the C++ library somewhere, by itself and as its Debian package, and builds and runs a program of somebody
# else's against it.
set -euo pipefail
build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# consume PREFIX: the program, built against what is installed there.
consume() {
  /usr/bin/cmake -S "$here/consumer" -B "$work/build" -G Ninja --fresh -DCMAKE_PREFIX_PATH="$1"
  /usr/bin/cmake --build "$work/build"
  "$work/build/consumer"
  test -f "$1/share/assay/proto/assay/v1/signal_service.proto"
}

/usr/bin/cmake --install "$build" --component library --prefix "$work/prefix"
consume "$work/prefix"

(cd "$build" && cpack -B "$work/packages")
for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root"; done
consume "$work/root/usr"
"$work/root/usr/bin/assay" --version
