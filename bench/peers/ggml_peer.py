"""ggml: its fused attention, and the multiply, softmax, multiply that it is otherwise written as.

CRESTMAX_GGML names the folder of a build, in which libggml-base.so and libggml-cpu.so lie somewhere. Queries and
outputs are fp32, as ggml wants them; keys and values have the type of the case, or its encoding.
"""

import ctypes
import os
from pathlib import Path

import numpy

from work import UNWRITTEN

TYPES = {"fp32": 0, "fp16": 1, "bf16": 30, "q8_0": 8, "q4_0": 2}  # enum ggml_type
FP32_PRECISION = 10  # GGML_PREC_F32
POINTER, LONG, INT, FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_float
FUNCTIONS = {  # name: result, arguments
    "ggml_new_tensor_4d": (POINTER, [POINTER, INT, LONG, LONG, LONG, LONG]),
    "ggml_get_data": (POINTER, [POINTER]),
    "ggml_nbytes": (ctypes.c_size_t, [POINTER]),
    "ggml_flash_attn_ext": (POINTER, [POINTER] * 5 + [FLOAT] * 3),
    "ggml_flash_attn_ext_set_prec": (None, [POINTER, INT]),
    "ggml_mul_mat": (POINTER, [POINTER] * 3),
    "ggml_soft_max_ext": (POINTER, [POINTER] * 3 + [FLOAT] * 2),
    "ggml_new_graph": (POINTER, [POINTER]),
    "ggml_build_forward_expand": (None, [POINTER] * 2),
    "ggml_free": (None, [POINTER]),
    "ggml_backend_cpu_init": (POINTER, []),
    "ggml_backend_cpu_set_n_threads": (None, [POINTER, INT]),
    "ggml_backend_graph_compute": (INT, [POINTER] * 2),
}


class Parameters(ctypes.Structure):
    """struct ggml_init_params."""

    _fields_ = [("bytes", ctypes.c_size_t), ("memory", POINTER), ("no_alloc", ctypes.c_bool)]


FUNCTIONS["ggml_init"] = (POINTER, [Parameters])


class Context:
    """A ggml context with the tensors and graphs of one way; freed with it."""

    def __init__(self, ggml, size):
        self.ggml, self.handle = ggml, ggml["ggml_init"](Parameters(size, None, False))
        if not self.handle:
            raise MemoryError(f"ggml: no context of {size} bytes")

    def __del__(self):
        if self.handle:
            self.ggml["ggml_free"](self.handle)

    def __getattr__(self, name):
        """ggml_NAME(context, ...)."""
        return lambda *arguments: self.ggml["ggml_" + name](self.handle, *arguments)

    def tensor(self, kind, array, numbers=None):
        """A tensor of the array's numbers, of which a row of bytes has so many; ggml counts its extents from the innermost."""
        made = self.new_tensor_4d(TYPES[kind], numbers or array.shape[-1], *reversed(array.shape[:-1]))
        ctypes.memmove(self.ggml["ggml_get_data"](made), array.ctypes.data, array.nbytes)
        return made


class Ggml:
    name = "ggml"
    keeps_threads = False
    encodings = ("", "q8_0", "q4_0")

    def __init__(self, threads):
        folder = Path(os.environ["CRESTMAX_GGML"])
        libraries = []
        for name in ("libggml-base.so", "libggml-cpu.so"):
            found = sorted(folder.rglob(name)) or sorted(folder.rglob(name + ".*"))
            if not found:
                raise FileNotFoundError(f"no {name} in the folder that CRESTMAX_GGML names")
            libraries.append(ctypes.CDLL(str(found[0]), mode=ctypes.RTLD_GLOBAL))
        self.functions = {}
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(libraries[0] if hasattr(libraries[0], name) else libraries[1], name)
            function.restype, function.argtypes = result, arguments
            self.functions[name] = function
        self.backend = self.functions["ggml_backend_cpu_init"]()
        self.functions["ggml_backend_cpu_set_n_threads"](self.backend, threads)
        version = libraries[0].ggml_version if hasattr(libraries[0], "ggml_version") else None
        if version:
            version.restype = ctypes.c_char_p
        self.version = version().decode() if version else "of unknown version"

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        scores = work.case.batch * work.case.q_heads * work.case.q_len * work.case.kv_len
        ways = [("flash_attn_ext", lambda: self.prepare(work, flash, 0))]
        if not work.case.encoding:  # blocks of values cannot be transposed
            ways.append(("unfused", lambda: self.prepare(work, unfused, 2 * scores)))
        return ways

    def prepare(self, work, attention, floats):
        """`floats`: how many the intermediate results of attention(...) have."""
        case = work.case
        query = work.query.astype(numpy.float32)
        mask = None
        if case.hides:
            mask = numpy.where(work.mask(), 0, -numpy.inf).astype(numpy.float16)
        graphs, results, last = [], [], [0]
        for key, value in zip(work.keys, work.values):
            size = 4 * (2 * query.size + floats) + key.nbytes + value.nbytes + (mask.nbytes if case.hides else 0)
            context = Context(self.functions, size + (1 << 22))
            tensors = [context.tensor("fp32", query), context.tensor(case.cache_kind, key, case.head_dim)]
            hidden = context.tensor("fp16", mask) if case.hides else None
            result = attention(context, *tensors, value, hidden, case)
            graph = context.new_graph()
            self.functions["ggml_build_forward_expand"](graph, result)
            graphs.append((graph, context))
            data = self.functions["ggml_get_data"](result)
            results.append(numpy.frombuffer((FLOAT * query.size).from_address(data), numpy.float32))

        def run(copy):
            last[0] = copy
            if self.functions["ggml_backend_graph_compute"](self.backend, graphs[copy][0]) != 0:
                raise RuntimeError("ggml_backend_graph_compute failed")

        def output():
            numbers = results[last[0]]
            for other in results:  # each copy has an output of its own: what is blanked is what the next call writes
                if other is not numbers:
                    other[...] = UNWRITTEN
            if attention is flash:  # token-major
                return numbers.reshape(case.batch, case.q_len, case.q_heads, case.head_dim).transpose(0, 2, 1, 3)
            return numbers

        return run, output


def flash(context, query, key, value, mask, case):
    rows = context.tensor(case.cache_kind, value, case.head_dim)
    result = context.flash_attn_ext(query, key, rows, mask, case.head_dim**-0.5, 0, 0)
    context.ggml["ggml_flash_attn_ext_set_prec"](result, FP32_PRECISION)
    return result


def unfused(context, query, key, value, mask, case):
    """Values are kept transposed, as this way wants them."""
    turned = context.tensor(case.kind, numpy.ascontiguousarray(value.transpose(0, 1, 3, 2)))
    weights = context.soft_max_ext(context.mul_mat(key, query), mask, case.head_dim**-0.5, 0)
    return context.mul_mat(turned, weights)
