#!/usr/bin/env bash
# Usage: deploy/quickstart.sh   (Debian 12, as root or with sudo)
# Installs what is needed, builds Assay, starts the server on loopback, streams the sample episodes,
# shows their signals and the conservation metrics, and stops the server again.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/quickstart
samples=$root/tests/data/samples
log=$build/assayd.log
server=

say() { printf '\n== %s\n' "$*"; }

stop_server() {
  [ -n "$server" ] || return 0
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" || true
  server=
}
trap stop_server EXIT
trap 'exit 130' INT TERM

# A port of loopback on which nobody listens.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo 'no free port was found' >&2
  return 1
}

# Starts the server; fails where it ends at once (its port may have been taken meanwhile).
start_server() {
  listen=$(free_port)
  metrics=$(free_port)
  "$build/server/assayd" --listen="127.0.0.1:$listen" --metrics="127.0.0.1:$metrics" >"$log" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    if ! kill -0 "$server" 2>/dev/null; then
      wait "$server" || true
      server=
      return 1
    fi
    if "$build/client/cpp/assay" info --server="127.0.0.1:$listen" --timeout=1s >/dev/null 2>&1; then
      return 0
    fi
    sleep 0.1
  done
  return 1
}

# The page of metrics, without the need for an HTTP client.
scrape() {
  exec 3<>"/dev/tcp/127.0.0.1/$metrics"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  tr -d '\r' <&3 | sed '1,/^$/d'
  exec 3<&-
}

say 'Installing packages'
"$root/deploy/install_packages.sh" build

say 'Building (some minutes the first time)'
mkdir -p "$build"
/usr/bin/cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DASSAY_BUILD_TESTS=OFF \
  >"$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; exit 1; }
/usr/bin/cmake --build "$build" --target assayd assay

say 'Starting the server'
start_server || start_server || start_server || { cat "$log" >&2; exit 1; }
echo "assayd serves on 127.0.0.1:$listen, metrics on 127.0.0.1:$metrics"

for sample in newcomer debate coding_team pipeline research_team; do
  say "assay signals --format=table < tests/data/samples/$sample.jsonl"
  echo
  "$build/client/cpp/assay" signals --server="127.0.0.1:$listen" --format=table \
    <"$samples/$sample.jsonl"
done

say 'What the server measured: rewards always add up to what there was to share'
scrape | grep -E '^assay_(episodes_total|conservation_error_(count|sum|bucket))'

say 'Stopping the server'
stop_server
echo 'Done. The README tells how to send your own episodes and how to plug the signals into a trainer.'
