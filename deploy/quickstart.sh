#!/usr/bin/env bash
# Usage: deploy/quickstart.sh   (Debian 12 or 13, as root or with sudo)
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

# A number of the line in which the server tells its ports; empty: it has not yet.
served() { sed -n "s/.*\"serving\".*\"$1\": *\([0-9]*\).*/\1/p" "$log"; }

# Returns once the server answers, with $listen and $metrics set.
start_server() {
  "$build/server/assayd" --listen=127.0.0.1:0 --metrics=127.0.0.1:0 >"$log" 2>&1 &
  server=$!
  while [ -z "$(served port)" ]; do
    kill -0 "$server" 2>/dev/null || return 1
    sleep 0.1
  done
  listen=127.0.0.1:$(served port)
  metrics=$(served metrics_port)
  "$build/client/command/assay" info --server="$listen" --timeout=30s >/dev/null
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
start_server || { cat "$log" >&2; exit 1; }
echo "assayd serves on $listen, metrics on 127.0.0.1:$metrics"

for sample in newcomer debate lost_debate coding_team pipeline research_team; do
  say "assay signals --format=table < tests/data/samples/$sample.jsonl"
  echo
  "$build/client/command/assay" signals --server="$listen" --format=table \
    <"$samples/$sample.jsonl"
done

say 'What the server measured: every ledger balances to 1e-9 or better'
scrape | grep -E '^assay_(episodes_total|conservation_error_(count|sum|bucket.*1e-09))' |
  grep -Ev '^assay_episodes_total.* 0$'

say 'Stopping the server'
stop_server
cat <<END
Done. For assayd and assay in this shell:

  export PATH="$build/server:$build/client/command:\$PATH"

The README tells how to send your own episodes and how to plug the signals into a trainer.
END
