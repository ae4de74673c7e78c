# Environments of Python, and PyTorch in them without gigabytes for graphics cards. Sourced by bench/peers/run and examples/torch/run.
#
#   need_python                      # with packages.sh: what an environment and PyTorch's stand-ins need
#   make_environment FOLDER          # an empty one
#   pip_install FOLDER PACKAGE...
#   install_torch FOLDER [VERSION]   # such as ==2.15.0

need_python() {
  need_command gcc gcc
  need_command binutils readelf
  need_command python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
}

make_environment() {
  rm -rf "$1"
  python3 -m venv "$1"
}

pip_install() {
  local environment=$1
  shift
  "$environment/bin/python" -m pip --quiet --disable-pip-version-check install --no-cache-dir "$@"
}

# PyTorch without what it lists; cpu_torch.py makes up for what only graphics cards need.
install_torch() {
  pip_install "$1" 'setuptools>=77' filelock typing-extensions sympy networkx jinja2 fsspec
  pip_install "$1" --no-deps "torch${2:-}"
  "$1/bin/python" bench/peers/cpu_torch.py
}
