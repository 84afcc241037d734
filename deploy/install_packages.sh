#!/usr/bin/env bash
# Usage: install_packages.sh LIST...   (names of deploy/packages, such as build)
# Installs the packages that are missing, on Debian 12 and 13 and Ubuntu 24.04. Does nothing, and needs no rights, where
# none is. A line of a list is a package, or its names in several releases with | between them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
offered() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }

missing=()
for list in "$@"; do
  while read -r line; do
    IFS='|' read -ra names <<<"$line"
    for name in "${names[@]}"; do
      if installed "$name"; then continue 2; fi
    done
    missing+=("$line")
  done <"$here/packages/$list.txt"
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "Run this as root, or install yourself: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    return 1
  }
}
quietly apt-get -o DPkg::Lock::Timeout=300 update

# The first name that this release knows; the first one where it knows none, so that apt names what is missing.
packages=()
for line in "${missing[@]}"; do
  IFS='|' read -ra names <<<"$line"
  chosen=${names[0]}
  for name in "${names[@]}"; do
    if offered "$name"; then chosen=$name && break; fi
  done
  packages+=("$chosen")
done
echo "Installing ${#packages[@]} packages: ${packages[*]}"
quietly apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${packages[@]}"
