# shellcheck shell=bash disable=SC2154
# The parts of tests/run whose kernels this machine cannot execute itself: a cut-down set of tests (tests/emulated), one
# static program, run by an emulator. Sourced by tests/run, whose variables it uses: emulate, jobs, failed, left_out, missing.

emulator_package=bochscpu-python==0.4.0  # Bochs' processor; tests/support/run_on_avx512.py depends on the version
emulator_folder=.build/emulator
bochs_folder=.build/bochs

architecture=$(uname -m)

has_avx512() {
  local feature
  for feature in avx512f avx512bw avx512dq avx512vl avx512_bf16; do
    grep -q -m1 -w "$feature" /proc/cpuinfo 2>/dev/null || return 1
  done
}

wants_arm() { [ "$architecture" != aarch64 ]; }
wants_avx512() { [ "$architecture" = x86_64 ] && { [ -n "$emulate" ] || ! has_avx512; }; }
wants_system() { [ "$architecture" = x86_64 ] && command -v apt-get dpkg >/dev/null; }

# need_emulators PART...: adds to `missing` what the parts need.
need_emulators() {
  case " $* " in *" arm "*)
    if wants_arm; then
      need_command g++-aarch64-linux-gnu aarch64-linux-gnu-g++
      need_command qemu-user-static qemu-aarch64-static
      need_file googletest /usr/src/googletest/CMakeLists.txt
    fi ;;
  esac
  case " $* " in *" avx512 "*)
    if wants_avx512; then
      need_command python3 python3
      python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
    fi ;;
  esac
  case " $* " in *" system "*)
    if wants_system; then
      need_command bochs bochs
      need_file bochs-term /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so
      need_file bochsbios /usr/share/bochs/BIOS-bochs-latest
      need_file vgabios /usr/share/vgabios/vgabios.bin
      need_file isolinux /usr/lib/ISOLINUX/isolinux.bin
      need_file syslinux-common /usr/lib/syslinux/modules/bios/ldlinux.c32
      need_command xorriso xorriso
      need_command cpio cpio
    fi ;;
  esac
}

# leave_out PART REASON...: said, and not counted as passed.
leave_out() {
  local part=$1
  shift
  left_out+=("$part")
  echo "== $part: not run"
  echo "[note] $part: $*"
}

# build_emulated PART BUILD-FOLDER COMPILER FLAGS [CMAKE ARGUMENT...]
build_emulated() {
  local part=$1 build=$2 compiler=$3 flags=$4
  shift 4
  local began=$SECONDS
  echo "== $part: building with $compiler $flags"
  if { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" \
         -DCRESTMAX_EMULATED=ON -DCRESTMAX_BUILD_EXAMPLES=OFF "$@" &&
       cmake --build "$build" --parallel "$jobs" --target crestmax_emulated_tests; } >"$build.log" 2>&1; then
    echo "== $part: built in $((SECONDS - began)) s, testing"
    return
  fi
  grep -E -A12 'error|Error|FAILED' "$build.log" | head -80
  echo "== $part: DOES NOT BUILD (whole log: $build.log)"
  failed+=("$part")
  return 1
}

# The tests that passed in a log, suite by suite: "Suite: test, test, ...".
list_tests() {
  awk '/^\[       OK \]/ { suite = test = $4; sub(/\..*/, "", suite); sub(/^[^.]*\./, "", test)
         printf "%s%s %s", suite == last ? "," : (last == "" ? "" : "\n") suite ":", "", test; last = suite }
       END { if (last != "") print "" }' "$1" | fold -s -w 126 | sed 's/^/   /'
}
listed=

# run_emulated PART BUILD-FOLDER NAME FILTER COMMAND...: runs the program under an emulator, and prints the list of what ran.
run_emulated() {
  local part=$1 build=$2 name=$3 filter=$4 began=$SECONDS status=0
  shift 4
  local log=.build/$part-${name// /-}.log
  timeout 900 "$@" "$build/crestmax_emulated_tests" --gtest_color=no --gtest_filter="$filter" >"$log" 2>&1 || status=$?
  local list
  list=$(list_tests "$log")
  if [ "$list" = "$listed" ]; then echo "   the same tests"; else echo "$list"; fi
  listed=$list
  grep -o '\[note\].*' "$log" | sort -u || true
  # A program that ended early has no last line.
  if [ "$status" = 0 ] && grep -q '^\[  PASSED  \]' "$log"; then
    echo "== $part: $(sed -n 's/^\[  PASSED  \] \(.*\)\./\1/p' "$log" | head -1) passed as $name, in $((SECONDS - began)) s"
  else
    grep -v -E '^\[ RUN|^\[       OK|^\[---' "$log" | tail -80
    echo "== $part: FAILED as $name (status $status; whole log: $log)"
    failed+=("$part")
  fi
}

run_arm() {
  if ! wants_arm; then
    leave_out arm "this machine is AArch64: the NEON kernels run natively in the other parts"
    return
  fi
  # The vectorizer of Debian 12's cross compiler can stop with an internal error on plain loops; kernels do not need it.
  build_emulated arm .build/emulated-arm aarch64-linux-gnu-g++ "-O2 -fno-tree-vectorize" \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc \
    -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON -DFETCHCONTENT_SOURCE_DIR_GOOGLETEST=/usr/src/googletest || return 0
  # Of the two only the new one has products of pairs: the other's dispatch has to do without.
  local processor filter
  for processor in max cortex-a72; do
    filter='*'
    [ "$processor" = max ] || filter='-Pairs.*:PairsInPlace.*:Tables/Kernels.*'
    CRESTMAX_TEST_SCALE=${CRESTMAX_TEST_SCALE:-4} \
      run_emulated arm .build/emulated-arm "$processor" "$filter" qemu-aarch64-static -cpu "$processor"
  done
}

run_avx512() {
  if [ "$architecture" != x86_64 ]; then
    leave_out avx512 "the AVX-512 kernels were not executed: this machine is no x86-64"
    return
  fi
  if ! wants_avx512; then
    leave_out avx512 "this machine has AVX-512 and AVX512_BF16: their kernels run natively in the other parts, the emulator is not needed"
    return
  fi
  local python=$emulator_folder/bin/python
  if ! { "$python" tests/support/run_on_avx512.py --check ||
         { python3 -m venv "$emulator_folder" &&
           timeout 180 "$python" -m pip install -q --disable-pip-version-check "$emulator_package" &&
           "$python" tests/support/run_on_avx512.py --check; }; } >.build/emulator.log 2>&1; then
    tail -3 .build/emulator.log
    leave_out avx512 "the AVX-512 kernels were not executed: the Python package $emulator_package is not to be had or does" \
      "not start here (whole log: .build/emulator.log)"
    return
  fi
  build_emulated avx512 .build/emulated-x86 g++ -O2 || return 0
  # The emulator has one thread: tests/run system has more.
  echo "[note] avx512: VCVTNE2PS2BF16 was not executed, as the emulator takes both of its halves from one source: rounded one by one"
  run_emulated avx512 .build/emulated-x86 "Sapphire Rapids" '-EmulatedThreads.*' "$python" tests/support/run_on_avx512.py
}

# The dispatch, threads and some calls under a real kernel, whatever this machine has.
run_system() {
  if ! wants_system; then
    leave_out system "this needs an x86-64 machine with Debian's packages"
    return
  fi
  build_emulated system .build/emulated-x86 g++ -O2 || return 0
  run_emulated system .build/emulated-x86 "Ice Lake" 'Emulated.Calls*:Emulated.FloatState*:Emulated.*Prefill*:EmulatedThreads.*:EmulatedCaptures.*' \
    tests/support/run_in_bochs.sh "$bochs_folder"
}
