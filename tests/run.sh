#!/usr/bin/env bash
# Usage: tests/run.sh [STAGE...]   (Debian 12, as root or with sudo where packages are missing)
# Without a stage: build unit property integration python. `all` is every one:
#   format lint build unit property integration simulation chaos compliance python proof asan fuzz tsan
# CI runs `all` (.ci/run).
# One line a stage, then one line 'N passed, N failed'. Output of each stage: build/logs/STAGE.log.
# Environment: FUZZ_SECONDS, of each fuzz target (default 20).
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
jobs=$(nproc)
readonly skip=77
readonly default_stages=(build unit property integration python)
readonly all_stages=(format lint build unit property integration simulation chaos compliance python
  proof asan fuzz tsan)

packages() { "$root/deploy/install_packages.sh" "$@"; }

# What was compiled for one clone serves another.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

# build_preset PRESET [CMAKE ARGUMENT...]: configures and builds build/PRESET.
build_preset() {
  local preset=$1
  shift
  local launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  (cd "$root" && /usr/bin/cmake --preset "$preset" "${launcher[@]}" "$@") &&
    /usr/bin/cmake --build "$root/build/$preset" -j "$jobs"
}

# Built once a run, however many stages need it.
release() {
  [ -z "${release_built:-}" ] || return 0
  packages build test && build_preset release && release_built=1
}

# run_tests PRESET [CTEST ARGUMENT...]: skipped where the selection is empty.
run_tests() {
  local directory=$root/build/$1
  shift
  if /usr/bin/ctest --test-dir "$directory" -N "$@" | grep -q '^Total Tests: 0$'; then return $skip; fi
  /usr/bin/ctest --test-dir "$directory" --output-on-failure -j "$jobs" "$@"
}

# run_script SCRIPT [ARGUMENT...]: skipped where it does not exist.
run_script() {
  local script=$root/$1
  shift
  [ -x "$script" ] || return $skip
  ASSAYD=$root/build/release/server/assayd ASSAY=$root/build/release/client/command/assay "$script" "$@"
}

# C++ sources that differ from main, or in the last commit where this is main; without the fuzz targets, which are not
# in the release build.
changed_sources() {
  local base
  base=$(git -C "$root" merge-base HEAD origin/main 2>/dev/null ||
    git -C "$root" merge-base HEAD main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git -C "$root" rev-parse HEAD)" ]; then base=HEAD~1; fi
  git -C "$root" diff --name-only --diff-filter=d "$base" -- '*.cc' ':!tests/fuzz' 2>/dev/null
}

# Debian's prometheus would start a daemon: promtool alone is unpacked where it is not installed.
with_promtool() {
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/assay/prometheus
  PATH=$PATH:$folder/usr/bin
  command -v promtool >/dev/null && return
  mkdir -p "$folder" && (cd "$folder" && apt-get download prometheus && dpkg-deb -x ./*.deb . && rm ./*.deb)
}

stage_build() { release; }
stage_unit() { release && run_tests release -L '^unit$'; }
# The seed is fixed, so that a rare case fails the change that brings it and not whoever comes next. To search, run a
# program of build/release/tests/property with another: RC_PARAMS=seed=N.
stage_property() { release && RC_PARAMS=seed=1 run_tests release -L '^property$'; }
# Real sockets and processes on a machine that may be loaded: a second chance, which the log shows.
stage_integration() { release && with_promtool && run_tests release -L '^integration$' --repeat until-pass:2; }
stage_simulation() { release && run_tests release -L '^simulation$'; }
stage_chaos() {
  release && run_tests release -L '^chaos$' && run_script tests/production/run.sh short &&
    run_script tests/attack/run.sh short && run_script tests/hostile/run.sh 100
}
stage_compliance() { release && run_script tests/compliance/run.sh; }
# The reports are read in a browser.
stage_python() { release && packages browser && run_script client/python/run_tests.sh; }
stage_proof() { release && run_script client/python/run_tests.sh --study; }

stage_format() {
  packages check || return
  find "$root/server" "$root/client" "$root/tests" \( -name '*.cc' -o -name '*.h' \) \
    -exec clang-format-14 --dry-run -Werror {} +
}

stage_lint() {
  packages build test check || return
  find "$root/deploy" "$root/tests" "$root/client" -name '*.sh' -exec shellcheck {} + &&
    shellcheck "$root/.ci/run" && "$root/tests/proto/check.sh" && "$root/tests/lint/rooms.py" &&
    "$root/tests/lint/sizes.py" || return
  release && "$root/tests/lint/headers.py" "$root/build/release" || return
  local sources
  sources=$(changed_sources)
  [ -n "$sources" ] || return 0
  (cd "$root" && echo "$sources" | xargs -P "$jobs" -n 1 clang-tidy-14 --quiet -p build/release)
}

asan() {
  [ -z "${asan_built:-}" ] || return 0
  packages build test check && build_preset asan && asan_built=1
}

stage_asan() {
  asan && with_promtool && RC_PARAMS='seed=1' \
    LSAN_OPTIONS=suppressions=$root/tests/lsan_suppressions.txt run_tests asan -LE '^(benchmark|chaos)$'
}

# Ten seconds an input, for the sanitizers and whoever else is on the machine; without them it is one (tests/fuzz).
# The seed is fixed, as of properties.
stage_fuzz() {
  asan || return
  local target corpus
  for target in "$root"/build/asan/tests/fuzz/*_fuzz; do
    corpus=$(mktemp -d)
    # A finding ends with 1, since libFuzzer's own 77 would read as a stage with nothing to run.
    (cd "$root/build" && "$target" -seed=1 -entropic=0 -error_exitcode=1 -timeout=10 \
      -max_total_time="${FUZZ_SECONDS:-20}" \
      -rss_limit_mb=2048 "$corpus" "$root/tests/fuzz/corpus/$(basename "$target")") || return
    rm -rf "$corpus"
  done
}

stage_tsan() {
  packages build test && build_preset tsan && run_tests tsan -LE '^benchmark$'
}

main() {
  local stages=("$@")
  [ $# -gt 0 ] || stages=("${default_stages[@]}")
  [ "${1:-}" != all ] || stages=("${all_stages[@]}")
  local stage
  for stage in "${stages[@]}"; do
    case " ${all_stages[*]} " in
      *" $stage "*) ;;
      *)
        echo "no such stage: $stage (there are: ${all_stages[*]} all)" >&2
        exit 2
        ;;
    esac
  done

  mkdir -p "$logs"
  local passed=0 failed=0 skipped=0 code start
  for stage in "${stages[@]}"; do
    start=$SECONDS
    "stage_$stage" >"$logs/$stage.log" 2>&1
    code=$?
    case $code in
      0) passed=$((passed + 1)) && printf 'passed   %-12s %5d s\n' "$stage" $((SECONDS - start)) ;;
      "$skip") skipped=$((skipped + 1)) && printf 'skipped  %-12s nothing to run yet\n' "$stage" ;;
      *)
        failed=$((failed + 1))
        tail -n 100 "$logs/$stage.log"
        printf 'FAILED   %-12s %5d s, see %s\n' "$stage" $((SECONDS - start)) "$logs/$stage.log"
        ;;
    esac
  done

  if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
  else
    echo "$passed passed, $failed failed"
  fi
  [ $failed -eq 0 ]
}

main "$@"
