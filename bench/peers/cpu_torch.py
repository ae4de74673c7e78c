"""Lets PyTorch's wheel run on the CPU without the gigabytes of CUDA libraries that it is linked with.

The wheel asks the loader for libraries such as libcudart.so, though no computation on the CPU calls them. For each
one of them a stand-in of some kilobytes is compiled beside PyTorch's own libraries: it defines the names that PyTorch
asks for, every function returning an error. PyTorch then finds no graphics card, as on any machine without one; its
CPU kernels are those of the wheel, untouched.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LIBRARIES = ("libcu", "libnccl", "libnv")  # how the names of CUDA's libraries begin
FUNCTIONS = ("cu", "nccl", "nv")  # and those of its functions
NO_DEVICE = 100  # what a stand-in's functions return: an error in every one of these libraries
TEXTS = ("ErrorString", "ErrorName")  # how functions end that say in words what an error is


def read_elf(option, library):
    """The lines that readelf prints about a library."""
    command = ["readelf", "--wide", option, str(library)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def undefined_names(library):
    """What a library takes from others: pairs (name, version or None)."""
    for line in read_elf("--dyn-syms", library):
        match = re.match(r"\s*\d+: .* GLOBAL +DEFAULT +UND (\S+)", line)
        if match:
            name, _, version = match.group(1).partition("@")
            yield name, version or None


def needed(library):
    """Names of the libraries that a library asks the loader for."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", "\n".join(read_elf("--dynamic", library)))


def compile_stand_in(folder, library, names):
    """Compiles a library of the given (name, version) pairs."""
    versions = defaultdict(list)
    for name, version in sorted(names, key=str):
        versions[version].append(name)
    plain = set(versions.pop(None, []))
    script = "".join(f"{version} {{ global: {'; '.join(found)}; }};\n" for version, found in versions.items())
    everything = sorted({name for name, _ in names} | plain)
    source = "".join(f"int {name}(void) {{ return {NO_DEVICE}; }}\n" if not name.endswith(TEXTS) else
                     f"const char* {name}(void) {{ return \"no device\"; }}\n" for name in everything)
    (folder / "stand_in.c").write_text(source)
    (folder / "stand_in.map").write_text(script)
    command = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", "stand_in.c", f"-Wl,-soname,{library}",
               "-o", library]
    if script:
        command.append("-Wl,--version-script=stand_in.map")
    subprocess.run(command, check=True, cwd=folder)
    (folder / "stand_in.c").unlink()
    (folder / "stand_in.map").unlink()


def make_stand_ins(folder):
    """Compiles the CUDA libraries that PyTorch's own ones, in `folder`, are linked with; returns their names."""
    own = {path.name: path for path in folder.glob("lib*.so*") if not path.name.startswith(LIBRARIES)}
    missing = sorted({name for path in own.values() for name in needed(path) if name.startswith(LIBRARIES)})
    wanted = defaultdict(set)
    for path in own.values():
        for name, version in undefined_names(path):
            if version is not None or name.startswith(FUNCTIONS):
                wanted[version].add((name, version))
    for library in missing:
        named = wanted["NVSHMEM"] if library.startswith("libnvshmem") else wanted[library]
        # A name without a version may come from any library: each defines all of them.
        compile_stand_in(folder, library, named | wanted[None])
    return missing


def main():
    torch = next(Path(sys.prefix).glob("lib/python*/site-packages/torch"))
    made = make_stand_ins(torch / "lib")
    if made:
        print("stand-ins for libraries that the CPU does not need:", ", ".join(made), file=sys.stderr)


if __name__ == "__main__":
    main()
