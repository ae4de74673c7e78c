# Installs what a script of this project needs, or says what to install. Sourced by examples/run, tests/run and bench/run.
#
#   missing=()
#   need_command g++ "${CXX:-g++}"       # package, command
#   need_header libeigen3-dev Eigen/Core  # package, header
#   need_file googletest /usr/src/googletest/CMakeLists.txt  # package, file
#   install_missing "tests/run"

need_command() { command -v "$2" >/dev/null 2>&1 || missing+=("$1"); }
need_file() { [ -e "$2" ] || missing+=("$1"); }

# A header is there if some compiler finds it; without a compiler it is asked for all the same.
need_header() {
  local compiler=${CXX:-g++}
  command -v "$compiler" >/dev/null 2>&1 || compiler=c++
  command -v "$compiler" >/dev/null 2>&1 &&
    echo "#include <$2>" | "$compiler" -std=c++20 -x c++ -I/usr/include/eigen3 -fsyntax-only - 2>/dev/null ||
    missing+=("$1")
}

# Installs the packages in `missing` with apt-get where it may; otherwise names them and stops.
install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo -n)
  if command -v apt-get >/dev/null 2>&1 && "${root[@]}" true 2>/dev/null; then
    echo "installing: ${missing[*]}" >&2
    "${root[@]}" apt-get update -qq >/dev/null 2>&1 || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && return 0
  fi
  echo "$1 needs these Debian packages, or the same by another name: ${missing[*]}" >&2
  echo "install them with: sudo apt-get install ${missing[*]}" >&2
  exit 1
}
