#!/usr/bin/env bash
# Usage: deploy/release.sh [OUTPUT_FOLDER]   (Debian 12 x86_64, as root or with sudo where packages are missing)
# Makes what a release consists of, from the commit that is checked out, and nothing else than package registries is
# asked. Into OUTPUT_FOLDER (default: build/release-VERSION):
#   assay_rl-*.tar.gz, assay_rl-*.whl    sdist, pure wheel, and the wheel with the server inside
#   assay_*.deb, libassay-dev_*.deb      the programs, and the C++ library
#   assay-image-*.tar                    the container image (docker load, podman load), unless ASSAY_IMAGE=no
#   *.cdx.json                           what the wheel and the packages hold and need (CycloneDX 1.6)
#   SHA256SUMS                           of all of it
# Refuses uncommitted changes, and a version that CHANGELOG.md does not tell of.
# Environment: ASSAY_VENVS (Python environments; default: the user's cache folder), ASSAY_IMAGE (no: without the image).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
version=$(sed -n 's/^project(assay VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
output=$(mkdir -p "${1:-$root/build/release-$version}" && cd "${1:-$root/build/release-$version}" && pwd)
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/release

fail() {
  echo "release: $*" >&2
  exit 1
}

check() {
  [ -z "$(git -C "$root" status --porcelain --untracked-files=no)" ] || fail "there are uncommitted changes"
  grep -q "^## $version" "$root/CHANGELOG.md" || fail "CHANGELOG.md has no section $version"
  grep -q "^version = \"$version\"" "$root/client/python/pyproject.toml" || fail "pyproject.toml has another version"
  [ -z "$(ls -A "$output")" ] || fail "$output is not empty"
}

wheels() { "$root/client/python/build_wheels.sh" "$output" >/dev/null; }

# From the programs that the wheel holds: compiled once, the same bytes in both.
packages() {
  "$root/deploy/install_packages.sh" build test
  (cd "$root/build/wheel" && /usr/bin/cmake --build . --target all >/dev/null && cpack -B "$output" >/dev/null)
  rm -rf "$output/_CPack_Packages"
}

image() {
  if [ "${ASSAY_IMAGE:-}" = no ]; then return; fi
  ASSAY_IMAGE_ARCHIVE=$output/assay-image-$version.tar "$root/tests/production/image.sh" >&2
}

bills() {
  [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/pip" install --quiet 'cyclonedx-python-lib[json-validation]==11.12.0'
  "$venv/bin/python" "$here/bill_of_materials.py" "$root" "$output" "$version"
}

check
wheels
packages
image
bills
(cd "$output" && sha256sum -- * >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
ls -l "$output"
