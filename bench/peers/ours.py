"""crestmax, through the C functions of crestmax_c.cpp."""

import ctypes
import weakref

import ml_dtypes
import numpy

from cases import ENCODINGS, KINDS

DTYPES = {"fp32": numpy.dtype(numpy.float32), "fp16": numpy.dtype(numpy.float16),
          "bf16": numpy.dtype(ml_dtypes.bfloat16)}
VECTOR_BYTES = {"generic": 16, "avx2": 32}

Pair = ctypes.c_int64 * 2


class Call(ctypes.Structure):
    """peers_call of crestmax_c.cpp."""

    _fields_ = ([(name, ctypes.c_int32) for name in ("kind", "encoding", "integers", "causal", "most", "unused")]
                + [(name, ctypes.c_void_p) for name in ("query", "key", "value", "output")]
                + [(name, ctypes.c_int64) for name in ("batch", "q_len", "kv_len", "q_heads", "kv_heads", "head_dim", "window")]
                + [("key_lengths", ctypes.c_void_p), ("query_strides", Pair), ("kv_strides", Pair),
                   ("workspace", ctypes.c_void_p), ("workspace_bytes", ctypes.c_uint64)])


class Library:
    """The compiled library with a team of threads."""

    def __init__(self, path, threads, most):
        self.c = ctypes.CDLL(path)
        self.most = most
        for name, result in (("team", ctypes.c_void_p), ("memory", ctypes.c_void_p), ("memory_data", ctypes.c_void_p),
                             ("memory_free", None), ("workspace_bytes", ctypes.c_char_p),
                             ("attention", ctypes.c_char_p), ("instruction_set", ctypes.c_char_p),
                             ("ceilings", None), ("multiply_adds_now", ctypes.c_double),
                             ("set_named", ctypes.c_int),
                             ("processor", ctypes.c_char_p), ("last_level_cache", ctypes.c_uint64)):
            getattr(self.c, "peers_" + name).restype = result
        self.team = ctypes.c_void_p(self.c.peers_team(threads))
        self.most_number = self.c.peers_set_named(most.encode())
        self.processor = self.c.peers_processor().decode()
        self.last_level_cache = self.c.peers_last_level_cache()
        self.threads = threads

    # The next two leave the calling thread on the first core.

    def ceilings(self):
        """GFLOP/s of fp32 multiply-adds and of products of bf16, and GB/s of reading, by as many cores as there are
        threads; and GFLOP/s of the widest vectors by one core. Takes some seconds."""
        six = (ctypes.c_double * 6)()
        self.c.peers_ceilings(VECTOR_BYTES.get(self.most, 64), six)
        several = self.threads > 1
        fma = six[1 if several else 0]
        bf16 = six[5] * fma / six[0] if self.most == "widest" else 0
        return {"fma": fma, "bf16": max(fma, bf16), "read": six[3 if several else 2], "widest_fma_one_core": six[4]}

    def multiply_adds_now(self):
        """GFLOP/s that all cores together give just now, of the widest vectors."""
        return self.c.peers_multiply_adds_now(self.threads)

    def array(self, shape, dtype):
        """An uninitialised numpy array on the same kind of pages as the bandwidth ceiling's."""
        dtype = numpy.dtype(dtype)
        count = int(numpy.prod(shape))
        block = ctypes.c_void_p(self.c.peers_memory(ctypes.c_uint64(count * dtype.itemsize)))
        data = self.c.peers_memory_data(block)
        raw = (ctypes.c_uint8 * (count * dtype.itemsize)).from_address(data)
        weakref.finalize(raw, self.c.peers_memory_free, block)
        return numpy.frombuffer(raw, dtype=dtype).reshape(shape)


class Ours:
    """crestmax as a participant of a race."""

    name = "crestmax"
    keeps_threads = True  # on their cores, the calling thread on the first
    encodings = ("", *ENCODINGS)  # of keys and values that it takes; "": none

    def __init__(self, library):
        self.library = library
        self.version = "this tree"
        self.instruction_set = ""  # what the last call that was prepared runs on

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output(). See work.Work."""
        ways = [("attention", lambda: self.prepare(work, False))]
        if work.case.encoding and work.case.phase == "decode":
            ways.append(("attention, integer products", lambda: self.prepare(work, True)))
        return ways

    def prepare(self, work, integers):
        case, c = work.case, self.library.c
        output = self.library.array(work.query.shape, work.query.dtype)
        lengths = numpy.array(case.lengths, numpy.int32)
        row = case.row_bytes if case.encoding else case.head_dim
        encoding = self.encodings.index(case.encoding)
        calls = []
        for key, value in zip(work.keys, work.values):
            call = Call(KINDS.index(case.kind), encoding, integers, case.causal, self.library.most_number, 0,
                        work.query.ctypes.data, key.ctypes.data, value.ctypes.data, output.ctypes.data,
                        case.batch, case.q_len, case.kv_len, case.q_heads, case.kv_heads, case.head_dim, case.window,
                        lengths.ctypes.data if case.lengths else None,
                        Pair(case.head_dim, case.q_len * case.head_dim),
                        Pair(row, case.kv_len * row), None, 0)
            calls.append(call)
        needed = ctypes.c_uint64()
        self.check(c.peers_workspace_bytes(ctypes.byref(calls[0]), self.library.team, ctypes.byref(needed)))
        workspace = self.library.array((needed.value,), numpy.uint8)
        for call in calls:
            call.workspace, call.workspace_bytes = workspace.ctypes.data, needed.value
        references, team = [ctypes.byref(call) for call in calls], self.library.team
        ran_on = ctypes.c_char_p()
        self.check(c.peers_instruction_set(references[0], team, ctypes.byref(ran_on)))
        self.instruction_set = ran_on.value.decode()

        def run(copy):
            self.check(c.peers_attention(references[copy], team))

        return run, lambda keep=(workspace, lengths): output

    @staticmethod
    def check(message):
        if message is not None:
            raise RuntimeError(message.decode())
