#!/usr/bin/env python3
"""Runs one test program on an emulated processor with AVX-512 (F, BW, DQ, VL, VNNI, BF16; no AMX), for machines that
have none.

    run_on_avx512.py [--model NUMBER] PROGRAM [ARGUMENT...]
    run_on_avx512.py --check     only finds out whether the emulator starts

The processor is that of Bochs, as a library: the Python package bochscpu-python, version 0.4.0, of which names inside the
library are used too. No operating system is started: this file maps the program's pages and answers its system calls.
PROGRAM is for x86-64 Linux, linked with -static -no-pie. It has one thread, no files and no environment; what it writes
goes to standard output. Models: 26 Skylake-X, 27 Cannon Lake, 28 Ice Lake, 29 Tiger Lake, 30 Sapphire Rapids (the default).

Exit status: the program's; 132 for an instruction that the processor does not have, 139 for any other fault of the
program; 125 if the program could not be run, with the reason on standard error."""
import ctypes
import itertools
import os
import struct
import subprocess
import sys
import time

PAGE = 4096
STACK_TOP, STACK_BYTES = 0x7FFF_0000_0000, 8 << 20
MAPPINGS, MAPPINGS_BYTES = 0x100_0000_0000, 256 << 20  # for mmap; nothing is ever given back
HEAP_BYTES = 64 << 20
KERNEL = 0xFFFF_8000_0000_0000                         # one page: where system calls arrive
PAGE_TABLES = 0x1000                                   # physical, below the frames of pages
FIRST_FRAME = 0x100000
ENOENT, ENOMEM, ENOTTY, ENOSYS = -2, -12, -25, -38

# The package is built for glibc 2.38. These are the two names that older ones lack.
MISSING_NAMES = r"""
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }
int __isoc23_sscanf(const char *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int count = vsscanf(text, format, arguments);
  va_end(arguments);
  return count;
}
"""


def give_up(reason):
    print("run_on_avx512.py:", reason, file=sys.stderr, flush=True)
    os._exit(125)


def load_package():
    try:
        import bochscpu
        import bochscpu._bochscpu as native
        return bochscpu, native
    except ImportError as error:
        if "__isoc23" not in str(error) or "RUN_ON_AVX512_AGAIN" in os.environ:
            give_up(error)
    library = os.path.join(sys.prefix, "missing_names.so")
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library]
    subprocess.run(command, input=MISSING_NAMES.encode(), check=True)
    environment = {**os.environ, "LD_PRELOAD": library, "RUN_ON_AVX512_AGAIN": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


class Memory:
    """The program's pages, each backed by a page of ours."""

    def __init__(self, native):
        self.native = native.memory
        self.tables = native.memory.PageMapLevel4Table()
        self.frames = itertools.count(FIRST_FRAME, PAGE)
        self.host = {}      # page number -> our address
        self.buffers = []   # keeps them alive

    def back(self, address, size):
        """Backs [address, address + size), rounded out to whole pages, with zeros."""
        pages = range(address // PAGE, (address + size + PAGE - 1) // PAGE)
        buffer = ctypes.create_string_buffer((len(pages) + 1) * PAGE)
        self.buffers.append(buffer)
        ours = (ctypes.addressof(buffer) + PAGE - 1) // PAGE * PAGE
        for page in pages:
            frame = next(self.frames)
            self.native.page_insert(frame, ours)
            self.tables.insert(page * PAGE, frame, 1)
            self.host[page] = ours
            ours += PAGE

    def finish(self):
        for ours, frame in self.tables.commit(PAGE_TABLES):
            self.native.page_insert(frame, ours)

    def pieces(self, address, size):
        while size > 0:
            count = min(size, PAGE - address % PAGE)
            yield self.host[address // PAGE] + address % PAGE, count
            address, size = address + count, size - count

    def write(self, address, data):
        done = 0
        for ours, count in self.pieces(address, len(data)):
            ctypes.memmove(ours, data[done:done + count], count)
            done += count

    def read(self, address, size):
        return b"".join(ctypes.string_at(ours, count) for ours, count in self.pieces(address, size))


class Program:
    """A static executable in memory, with its stack as the kernel hands it over."""

    def __init__(self, memory, arguments):
        with open(arguments[0], "rb") as file:
            elf = file.read()
        kind, machine = struct.unpack_from("<HH", elf, 16)
        if elf[:6] != b"\x7fELF\x02\x01" or (kind, machine) != (2, 62):
            give_up(arguments[0] + " is not a program for x86-64 linked with -static -no-pie")
        self.entry, headers_at = struct.unpack_from("<QQ", elf, 24)
        count = struct.unpack_from("<H", elf, 56)[0]
        headers = [struct.unpack_from("<IIQQQQQQ", elf, headers_at + 56 * i) for i in range(count)]
        segments = [h for h in headers if h[0] == 1]
        begin = min(h[3] for h in segments) // PAGE * PAGE
        self.end = (max(h[3] + h[6] for h in segments) + PAGE - 1) // PAGE * PAGE
        memory.back(begin, self.end - begin + HEAP_BYTES)
        headers_address = 0
        for _, _, offset, address, _, size, _, _ in segments:
            memory.write(address, elf[offset:offset + size])
            if offset == 0:
                headers_address = address + headers_at

        memory.back(STACK_TOP - STACK_BYTES, STACK_BYTES)
        at = STACK_TOP - 0x8000
        random_bytes = at
        memory.write(at, os.urandom(16))
        at += 16
        pointers = []
        for argument in arguments:
            text = argument.encode() + b"\0"
            memory.write(at, text)
            pointers.append(at)
            at += len(text)
        # AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY, the four ids, AT_CLKTCK, AT_SECURE, AT_RANDOM, AT_NULL
        auxiliary = [3, headers_address, 4, 56, 5, count, 6, PAGE, 9, self.entry, 11, 0, 12, 0, 13, 0, 14, 0, 17, 100,
                     23, 0, 25, random_bytes, 0, 0]
        words = [len(pointers), *pointers, 0, 0, *auxiliary]
        self.stack = (random_bytes - 8 * len(words) - 64) // 64 * 64
        memory.write(self.stack, struct.pack("<%dQ" % len(words), *words))


class Kernel:
    """Answers system calls: as many as a test program makes."""

    def __init__(self, memory, program):
        self.memory = memory
        self.heap_begin = self.heap_end = program.end
        self.mapped = MAPPINGS
        self.status = None
        self.output = sys.stdout.buffer

    def stop(self, session, status):
        self.status = status
        session.stop()

    def system_call(self, session, *_):
        cpu = session.cpu
        result = self.answer(session, cpu.rax, cpu.rdi, cpu.rsi, cpu.rdx)
        cpu.rax = result % 2**64

    def answer(self, session, number, a, b, c):
        if number == 1:                                         # write
            return self.print(b, c)
        if number == 20:                                        # writev
            parts = struct.iter_unpack("<QQ", self.memory.read(b, 16 * c))
            return sum(self.print(address, size) for address, size in parts)
        if number == 12:                                        # brk
            if self.heap_begin <= a <= self.heap_begin + HEAP_BYTES:
                self.heap_end = a
            return self.heap_end
        if number == 9:                                         # mmap, anonymous
            size = (b + PAGE - 1) // PAGE * PAGE
            if not session.cpu.r10 & 0x20 or self.mapped + size > MAPPINGS + MAPPINGS_BYTES:
                return ENOMEM
            self.mapped += size
            return self.mapped - size
        if number == 158 and a == 0x1002:                       # arch_prctl: base of thread-local data
            segment = session.cpu.fs
            segment.base = b
            session.cpu.fs = segment
            return 0
        if number in (60, 231):                                 # exit, exit_group
            self.stop(session, a % 256)
            return 0
        if number in (200, 234):                                # tkill, tgkill: abort()
            self.stop(session, 128 + (b if number == 200 else c))
            return 0
        if number in (96, 228):                                 # gettimeofday, clock_gettime
            seconds, nanoseconds = divmod(time.time_ns(), 10**9)
            if number == 96:
                self.memory.write(a, struct.pack("<QQ", seconds, nanoseconds // 1000))
            else:
                self.memory.write(b, struct.pack("<QQ", seconds, nanoseconds))
            return 0
        if number == 318:                                       # getrandom
            self.memory.write(a, os.urandom(b))
            return b
        if number == 79:                                        # getcwd
            self.memory.write(a, b"/\0")
            return 2
        if number in (10, 11, 13, 14, 28, 202):                 # mprotect, munmap, signal handling, madvise, futex
            return 0
        if number in (39, 186, 218):                            # ids of process and thread
            return 1
        if number == 16:                                        # ioctl: not a terminal
            return ENOTTY
        if number == 0:                                         # read: end of file
            return 0
        if number in (2, 4, 5, 6, 21, 89, 257, 262, 267):       # open, stat, access, readlink
            return ENOENT
        return ENOSYS

    def print(self, address, size):
        self.output.write(self.memory.read(address, size))
        self.output.flush()
        return size

    def fault(self, session, _, vector, error):
        cpu = session.cpu
        print("exception %d (error %#x) at %#x, address %#x" % (vector, error, cpu.rip, cpu.cr2), file=sys.stderr)
        self.stop(session, 132 if vector == 6 else 139)


def choose_model(native, number):
    library = ctypes.CDLL(native.__file__)
    library.sim_get_param_enum.restype = ctypes.c_void_p
    parameter = ctypes.c_void_p(library.sim_get_param_enum(b"cpu.model"))
    # bx_param_num_c::set_range and ::set, by the names that the compiler gave them.
    library._ZN14bx_param_num_c9set_rangeEmm(parameter, ctypes.c_ulong(0), ctypes.c_ulong(40))
    library._ZN14bx_param_num_c3setEl(parameter, ctypes.c_long(number))


def start_state(package, session, program):
    """User mode of 64 bits, all vector state enabled, as a fresh Linux process has it."""
    def segment(selector, attributes):
        s = package.Segment()
        s.present, s.selector, s.base, s.limit, s.attr = True, selector, 0, 0xFFFFFFFF, attributes
        return s

    state = session.cpu.state
    state.cr0, state.cr3, state.cr4 = 0x80050033, PAGE_TABLES, 0x50620
    state.efer, state.xcr0 = 0xD01, 0xE7
    state.rip, state.rsp, state.rflags = program.entry, program.stack, 0x202
    state.mxcsr, state.fpcw, state.fptw = 0x1F80, 0x37F, 0xFFFF
    state.lstar, state.sfmask, state.star = KERNEL, 0x200, (0x1B << 48) | (0x08 << 32)
    state.cs = segment(0x2B, 0xA0FB)
    for name in ("ss", "ds", "es"):
        setattr(state, name, segment(0x23, 0xC0F3))
    for name in ("fs", "gs"):
        setattr(state, name, segment(0, 0xC0F3))
    session.cpu.set_state(state)
    session.cpu.set_mode()


def main():
    arguments = sys.argv[1:]
    model = 30
    if arguments[:1] == ["--model"] and len(arguments) > 2:
        model, arguments = int(arguments[1]), arguments[2:]
    if arguments != ["--check"] and (not arguments or arguments[0].startswith("-")):
        give_up(__doc__)
    package, native = load_package()
    if arguments == ["--check"]:
        choose_model(native, model)
        os._exit(0)
    memory = Memory(native)
    program = Program(memory, arguments)
    memory.back(MAPPINGS, MAPPINGS_BYTES)
    memory.back(KERNEL, PAGE)
    memory.write(KERNEL, b"\x0f\x09\x48\x0f\x07")  # wbinvd, of which we are told, then sysretq
    memory.finish()
    choose_model(native, model)

    session = package.Session()
    session.missing_page_handler = lambda frame: give_up("no memory at %#x" % frame)
    start_state(package, session, program)
    kernel = Kernel(memory, program)
    hook = package.Hook()
    hook.cache_cntrl, hook.exception = kernel.system_call, kernel.fault
    session.run([hook])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(125 if kernel.status is None else kernel.status)  # the library does not survive an orderly end


if __name__ == "__main__":
    main()
