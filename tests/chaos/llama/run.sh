#!/usr/bin/env bash
# Usage: tests/chaos/llama/run.sh   (after tests/run.sh build; outside CI: downloads llama.cpp, 40 MB)
# The judge against a real llama.cpp server: a tiny generated model behind its OpenAI-compatible endpoint, with a
# key. Verdicts by log-probabilities, by constrained JSON, and of every message; a wrong key names its cause; no key
# stands in any log. ASSAY_BUILD: the build folder, by default build/release. ASSAY_LLAMA_PYTHON: a Python that has
# xllamacpp and gguf, so that nothing is downloaded.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../../..
build=${ASSAY_BUILD:-$root/build/release}
venv=${ASSAY_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/venvs}/llama
work=$(mktemp -d)
key=sk-tiny-$RANDOM$RANDOM$RANDOM
pids=()

stop() {
  exec 9>&- || true
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait || true
  rm -rf "$work"
}
trap stop EXIT
fail() {
  echo "FAILED: $*" >&2
  tail -n 20 "$work"/*.log >&2
  exit 1
}
# wait_for COMMAND...: until it succeeds, at most a minute.
wait_for() {
  for _ in $(seq 300); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  fail "no success within a minute: $*"
}

python=${ASSAY_LLAMA_PYTHON:-$venv/bin/python}
"$python" -c 'import gguf, xllamacpp' 2>/dev/null || {
  [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary xllamacpp xllamacpp gguf numpy
}

# The server ends with its input.
printf '%s\n' "$key" >"$work/key"
printf 'sk-wrong\n' >"$work/wrong_key"
mkfifo "$work/input"
exec 9<>"$work/input"
"$python" "$here/tiny_server.py" "$work" "$work/key" <"$work/input" >"$work/address" 2>"$work/llama.log" &
pids+=($!)
wait_for grep -q '^listening ' "$work/address"
url=$(sed -n 's/^listening //p' "$work/address")/v1
echo "llama.cpp answers at $url"

judge() { # NAME VERDICT KEY_FILE
  printf '{"name": "%s", "judge": {"url": "%s", "model": "tiny", "apiKeyFile": "%s", "verdict": "%s"}}' \
    "$1" "$url" "$work/$3" "$2"
}
printf '{"evaluators": [%s, %s, %s]}' "$(judge logprobs logprobs key)" "$(judge json json key)" \
  "$(judge stranger auto wrong_key)" >"$work/config.json"
"$build/server/assayd" --listen=127.0.0.1:0 --metrics=127.0.0.1:0 --config="$work/config.json" \
  >"$work/assayd.log" 2>&1 &
pids+=($!)
port() { sed -n 's/.*"serving".*"port": *\([0-9]*\).*/\1/p' "$work/assayd.log"; }
serving() { [ -n "$(port)" ]; }
wait_for serving

signals() { # NAME: the sample debate's signals, with NAME as evaluator and as scorer
  printf '{"named": {"name": "%s"}, "scorer": "%s"}' "$1" "$1" >"$work/options.json"
  "$build/client/command/assay" signals --server="127.0.0.1:$(port)" --options="$work/options.json" \
    <"$root/tests/data/samples/debate.jsonl" 2>>"$work/client.log"
}
for name in logprobs json; do
  signals "$name" >"$work/$name.jsonl" || fail "$name: not every episode was answered"
  echo "$name: $(grep -c '"signals"' "$work/$name.jsonl") episodes judged"
done
# Log-probabilities make values finer than any digit: a coalition's value that is no multiple of 1/9.
/usr/bin/python3 - "$work/logprobs.jsonl" "$work/json.jsonl" <<'PYTHON'
import json
import sys


def grand_values(path: str) -> list[float]:
    results = [json.loads(line) for line in open(path)]
    return [r["signals"].get("grandValue", 0) for r in results if "agents" in r.get("signals", {})]


def is_digit(value: float) -> bool:
    return abs(9 * value - round(9 * value)) < 1e-9


fine, coarse = grand_values(sys.argv[1]), grand_values(sys.argv[2])
print("values of all agents together:", fine, "by log-probabilities,", coarse, "by JSON")
assert fine and coarse
assert all(0 <= value <= 1 for value in fine + coarse)
assert not any(is_digit(value) for value in fine)
assert all(is_digit(value) for value in coarse)
PYTHON
if signals stranger >"$work/stranger.jsonl"; then fail "a wrong key was let in"; fi
grep -q '"UNAUTHENTICATED"\|"code": *16' "$work/stranger.jsonl" || fail "a wrong key: $(head -c 500 "$work/stranger.jsonl")"
echo "a wrong key: $(sed -n 's/.*"message": *"\([^"]*\)".*/\1/p' "$work/stranger.jsonl" | head -n 1)"
if grep -l -e "$key" -e sk-wrong "$work"/assayd.log "$work"/client.log "$work"/*.jsonl; then fail "a key was told"; fi
echo "passed: no key in any log or answer"
