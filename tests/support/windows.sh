#!/usr/bin/env bash
# By hand: the cut-down set of tests (tests/emulated) as a program of 64-bit Windows, built by MinGW-w64's g++ and run by Wine.
# Sourced by tests/run after tests/support/emulators.sh, or run by itself from anywhere.

need_windows() {
  need_command g++-mingw-w64-x86-64-posix x86_64-w64-mingw32-g++-posix
  need_file wine64 /usr/lib/wine/wine64
  need_file googletest /usr/src/googletest/CMakeLists.txt
}

run_windows() {
  local build=.build/emulated-windows
  build_emulated windows "$build" x86_64-w64-mingw32-g++-posix -O2 \
    -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 -DCMAKE_C_COMPILER=x86_64-w64-mingw32-gcc-posix \
    -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON -DFETCHCONTENT_SOURCE_DIR_GOOGLETEST=/usr/src/googletest || return 0
  mv "$build/crestmax_emulated_tests.exe" "$build/crestmax_emulated_tests"
  echo "[note] windows: MSVC and clang-cl are untried"
  WINEDEBUG=-all WINEPREFIX="$PWD/.build/wine" run_emulated windows "$build" "Windows" '*' /usr/lib/wine/wine64
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  cd "$(dirname "$0")/../.."
  . tests/support/packages.sh
  . tests/support/emulators.sh
  missing=() failed=() left_out=() jobs=$(nproc 2>/dev/null || echo 2)
  need_windows
  install_missing tests/support/windows.sh
  mkdir -p .build
  run_windows
  [ ${#failed[@]} -eq 0 ]
fi
