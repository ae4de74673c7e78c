"""Compiles the operators, one C++ file over crestmax's headers, against the stable ABI of the PyTorch that is installed."""

import os
import re
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INCLUDE = ROOT / "include"
BUILD = ROOT / ".build" / "torch" / "package"
OLDEST_TORCH = (2, 10)  # whose functions the operators are held to: every later version has them


def version():
    text = (INCLUDE / "crestmax" / "version.hpp").read_text()
    return ".".join(re.findall(r"define CRESTMAX_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text))


def torch_folder():
    try:
        import torch
    except ImportError:
        sys.exit("crestmax-torch: build it where PyTorch is installed: pip install --no-build-isolation examples/torch")
    return Path(torch.__file__).parent


def operators():
    torch = torch_folder()
    target = OLDEST_TORCH[0] << 56 | OLDEST_TORCH[1] << 48
    return Extension(
        "crestmax_torch.operators", ["operator/operator.cpp"], language="c++",
        include_dirs=[str(INCLUDE), str(torch / "include")],
        library_dirs=[str(torch / "lib")], libraries=["torch_cpu"],
        define_macros=[("TORCH_TARGET_VERSION", f"0x{target:016x}")],
        extra_compile_args=["-std=c++20", "-O2", "-g0", "-fvisibility=hidden"],
        depends=[str(path) for folder in (INCLUDE, HERE / "operator") for path in sorted(folder.rglob("*.[hi][pn][pc]"))])


class PlainLibrary(build_ext):
    """A library of no Python version: torch.ops.load_library loads it, Python does not."""

    def get_ext_filename(self, name):
        return os.path.join(*name.split(".")) + ".so"


class AnyPython(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


BUILD.mkdir(parents=True, exist_ok=True)
setup(version=version(), ext_modules=[operators()], cmdclass={"build_ext": PlainLibrary, "bdist_wheel": AnyPython},
      options={"build": {"build_base": str(BUILD)}, "egg_info": {"egg_base": str(BUILD)}})
