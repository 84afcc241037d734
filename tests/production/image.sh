#!/usr/bin/env bash
# Usage: tests/production/image.sh [FOLDER]   (Debian 12, as root)
# Builds the container image without a daemon and runs it as a cluster would: root file system read-only, no
# capability, no privilege to gain, not root. The samples of the quickstart run against it. Prints its size.
# Environment: ASSAY_IMAGE_ARCHIVE (a file that the image is saved to).
# FOLDER keeps base and layers between runs; without it everything is made in a temporary folder and removed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/deploy/install_packages.sh" container

keep=${1:-}
work=${keep:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
# Storage of its own: nothing of ours is left in the machine's, and nothing of the machine's is touched.
storage=(--root "$work/storage" --runroot "$work/run")
podman() { command podman "${storage[@]}" --runtime runc --cgroup-manager cgroupfs "$@"; }
buildah() { command buildah "${storage[@]}" "$@"; }
container=

clean_up() {
  [ -z "$container" ] || podman rm -f -t 0 "$container" >/dev/null 2>&1 || true
  [ -n "$keep" ] || {
    podman system reset -f >/dev/null 2>&1 || true
    rm -rf "$work"
  }
}
trap clean_up EXIT

fail() {
  echo "! $*" >&2
  exit 1
}
say() { printf '  %-52s %s\n' "$1" "$2"; }

make_base() {
  podman image exists localhost/debian:bookworm-slim && return
  local base=$work/base
  debootstrap --variant=minbase bookworm "$base" http://deb.debian.org/debian >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log" >&2 && return 1; }
  # The machine's own way to its package mirror.
  cp /etc/apt/apt.conf.d/99* "$base/etc/apt/apt.conf.d/" 2>/dev/null || true
  rm -rf "$base"/var/cache/apt/archives/*.deb "$base"/var/lib/apt/lists/* "$base"/usr/share/{doc,man,locale}/*
  tar -C "$base" --one-file-system -c . | podman import - localhost/debian:bookworm-slim >/dev/null
  rm -rf "$base"
}

make_image() {
  local log=$work/build.log
  buildah bud --format docker --isolation chroot --layers --build-arg BASE=localhost/debian:bookworm-slim \
    --build-arg "REVISION=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || true)" \
    --tag localhost/assay "$root" >"$log" 2>&1 || { tail -n 40 "$log" >&2 && return 1; }
}

# A number of the line in which the server tells its ports.
served() { podman logs "$container" 2>&1 | sed -n "s/.*\"serving\".*\"$1\": *\([0-9]*\).*/\1/p"; }

run_image() {
  # The health check is run below: by itself it needs systemd.
  container=$(podman run --detach --no-healthcheck --read-only --read-only-tmpfs=false --cap-drop all \
    --security-opt no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --network=host \
    localhost/assay --listen=127.0.0.1:0 --metrics=127.0.0.1:0)
  local tries=0
  until [ -n "$(served port)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || fail "the container does not serve: $(podman logs "$container" 2>&1 | tail -n 5)"
    sleep 0.2
  done
}

check_confinement() {
  local pid status
  pid=$(podman inspect --format '{{.State.Pid}}' "$container")
  status=/proc/$pid/status
  local uid capabilities privileges
  uid=$(awk '/^Uid:/ {print $2}' "$status")
  capabilities=$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ {print $2}' "$status" | sort -u | tr '\n' ' ')
  privileges=$(awk '/^NoNewPrivs:/ {print $2}' "$status")
  [ "$uid" != 0 ] || fail "it runs as root"
  [ "$capabilities" = "0000000000000000 " ] || fail "it has capabilities: $capabilities"
  [ "$privileges" = 1 ] || fail "it may gain privileges"
  if podman exec "$container" /bin/sh -c 'echo x >/tmp/x || echo x >/var/x' 2>/dev/null; then
    fail "its root can be written to"
  fi
  say "uid" "$uid"
  say "capabilities" "none"
  say "root file system" "read-only"
}

run_samples() {
  local sample lines
  for sample in newcomer debate lost_debate coding_team pipeline research_team; do
    lines=$(podman exec -i "$container" /usr/local/bin/assay signals --server="127.0.0.1:$(served port)" \
      <"$root/tests/data/samples/$sample.jsonl" 2>/dev/null | grep -c '"signals"')
    [ "$lines" -gt 0 ] || fail "no signals for $sample"
    say "sample $sample" "$lines lines of signals"
  done
}

make_base
make_image
say "size of the image" "$(podman image inspect --format '{{.Size}}' localhost/assay | awk '{printf "%.0f MB", $1 / 1e6}')"
say "of it the base" "$(podman image inspect --format '{{.Size}}' localhost/debian:bookworm-slim | awk '{printf "%.0f MB", $1 / 1e6}')"
run_image
check_confinement
run_samples
podman exec "$container" /usr/local/bin/assay info --server="127.0.0.1:$(served port)" --timeout=2s >/dev/null ||
  fail "the health check fails"
say "health check" "passes"
podman stop -t 60 "$container" >/dev/null
code=$(podman inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || fail "it ended with $code"
say "exit code after SIGTERM" "$code"
[ -z "${ASSAY_IMAGE_ARCHIVE:-}" ] || podman save --quiet --output "$ASSAY_IMAGE_ARCHIVE" localhost/assay >/dev/null
echo "image: passed"
