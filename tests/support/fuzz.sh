#!/usr/bin/env bash
# By hand: libFuzzer looks for bytes that make a call (tests/fuzz) that is neither refused by name nor does what it promises, under
# the address and undefined behaviour sanitizers. CRESTMAX_FUZZ_SECONDS says how long (600); what it learns stays in
# .build/tests-fuzz/learnt. Sourced by tests/run, or run by itself from anywhere.

need_fuzz() {
  need_command clang clang++
  echo 'int main() {}' | clang++ -fsanitize=address -x c++ - -o /dev/null 2>/dev/null || missing+=(libclang-rt-dev)
}

run_fuzz() {
  local build=.build/tests-fuzz
  echo "== fuzz: building with clang++"
  if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_FLAGS="-O1 -g1" \
           -DCRESTMAX_SANITIZE=address,undefined,fuzzer-no-link -DCRESTMAX_BUILD_EXAMPLES=OFF -DCRESTMAX_TEST_FOLDERS=fuzz &&
         cmake --build "$build" --parallel "${jobs:-2}" --target crestmax_fuzzer; } >"$build.log" 2>&1; then
    grep -E -A12 'error|Error|FAILED' "$build.log" | head -80
    echo "== fuzz: DOES NOT BUILD (whole log: $build.log)"
    return 1
  fi
  mkdir -p "$build/learnt"
  # A finding ends the run: its bytes are in $build/crash-*, and belong into tests/fuzz/corpus once it is mended.
  "$build/crestmax_fuzzer" -max_total_time="${CRESTMAX_FUZZ_SECONDS:-600}" -max_len=192 -len_control=0 -timeout=60 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="$build/" "$build/learnt" tests/fuzz/corpus >"$build/run.log" 2>&1 ||
    { tail -60 "$build/run.log"; echo "== fuzz: a finding (whole log: $build/run.log)"; return 1; }
  grep -E '^(Done|stat::number_of_executed_units|stat::average)' "$build/run.log"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  cd "$(dirname "$0")/../.."
  . tests/support/packages.sh
  missing=()
  need_fuzz
  install_missing tests/support/fuzz.sh
  mkdir -p .build
  run_fuzz
fi
