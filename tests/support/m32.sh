#!/usr/bin/env bash
# By hand: what deals with sizes of memory, on a target of 32 bits (x86, g++ -m32). Sourced by tests/run, or run by itself
# from anywhere; needs Debian's g++-multilib (the headers and libraries of g++-12-multilib are enough, and bear cross compilers beside them).

need_m32() {
  echo 'int main() {}' | g++ -m32 -x c++ - -o /dev/null 2>/dev/null || missing+=("g++-$(g++ -dumpversion)-multilib")
  need_file googletest /usr/src/googletest/CMakeLists.txt
}

# The generic backend is all that such a target has; tests of its numbers are the other parts' business.
m32_tests="m32/sizes unit/memory_size unit/tensor unit/kv_source unit/failing_source unit/source_promises unit/custom_source
           unit/status bad_input/tensors bad_input/pointers bad_input/lengths bad_input/memory bad_input/options"

run_m32() {
  local build=.build/tests-m32 gtest=/usr/src/googletest/googletest file
  mkdir -p "$build"
  # Kernel headers of g++'s own target are where gcc-multilib would link to.
  local compile=(g++ -m32 -msse2 -mfpmath=sse -O1 -std=c++20 -idirafter "/usr/include/$(g++ -print-multiarch)" -Iinclude -Itests
                 -isystem /usr/include/eigen3 -isystem "$gtest/include")
  echo "== m32: building with ${compile[*]:0:5}"
  {
    echo "$gtest/src/gtest-all.cc -w -I$gtest"
    echo "$gtest/src/gtest_main.cc -w"
    echo "tests/support/executors.cpp -DCRESTMAX_EXTERN_KERNELS"
    echo "tests/m32/kernels.cpp -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
    for file in $m32_tests; do
      echo "tests/${file}_test.cpp -DCRESTMAX_EXTERN_KERNELS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
    done
  } >"$build/sources"
  # shellcheck disable=SC2016  # expanded by the inner shell
  if ! { xargs -P "${jobs:-2}" -I{} sh -c 'set -- {}; file=$1; shift; exec '"${compile[*]}"' "$@" -c "$file" -o "'"$build"'/$(echo "$file" | tr / _).o"' \
           <"$build/sources" && "${compile[@]}" "$build"/*.o -lpthread -o "$build/tests"; } >"$build.log" 2>&1; then
    grep -E -A12 'error' "$build.log" | head -80
    echo "== m32: DOES NOT BUILD (whole log: $build.log)"
    return 1
  fi
  "$build/tests" --gtest_brief=1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  cd "$(dirname "$0")/../.."
  . tests/support/packages.sh
  missing=()
  need_m32
  install_missing tests/support/m32.sh
  run_m32
fi
