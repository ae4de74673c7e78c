"""The C interface from Python's ctypes, as a language that knows no header sees it: a shared library whose functions have a prefix.

ctypes_test.py LIBRARY PREFIX
"""
import array
import ctypes as c
import math
import random
import sys
import unittest

FLOAT32, FLOAT64 = 1, 2
CAUSAL, SOFT_CAP, CUSTOM_SCORE = 1, 4, 8
OK, NULL_POINTER, BAD_OPTION, BAD_STRUCT = 0, 1, 6, 17


class Status(c.Structure):
    _fields_ = [("code", c.c_int32), ("message", c.c_char * 244)]


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("type", c.c_int32), ("extents", c.c_int64 * 4), ("strides", c.c_int64 * 4)]


class Rows(c.Structure):
    _fields_ = [("data", c.c_void_p), ("type", c.c_int32), ("extents", c.c_int64 * 3), ("strides", c.c_int64 * 3)]


class Tensors(c.Structure):
    _fields_ = [("size", c.c_size_t), ("query", Tensor), ("key", Tensor), ("value", Tensor), ("pages", c.c_void_p), ("output", Tensor)]


class Position(c.Structure):
    _fields_ = [(name, c.c_int64) for name in ("sequence", "head", "query", "query_index", "key")]


Score = c.CFUNCTYPE(c.c_double, c.c_void_p, c.c_double, c.POINTER(Position))


class Modifier(c.Structure):
    _fields_ = [("size", c.c_size_t), ("kind", c.c_int32), ("off", c.c_int32), ("left", c.c_int64), ("right", c.c_int64), ("cap", c.c_float),
                ("per_head", c.c_void_p), ("heads", c.c_size_t), ("table", Tensor), ("user", c.c_void_p), ("score", Score),
                ("visible", c.c_void_p), ("classify", c.c_void_p), ("reachable", c.c_void_p)]


class Numbers(c.Structure):
    _fields_ = [("data", c.c_void_p), ("count", c.c_size_t)]


class Memory(c.Structure):
    _fields_ = [("data", c.c_void_p), ("bytes", c.c_size_t)]


class Options(c.Structure):
    _fields_ = [("size", c.c_size_t), ("modifiers", c.POINTER(Modifier)), ("modifier_count", c.c_size_t), ("has_scale", c.c_int32),
                ("scale", c.c_double), ("lse", Rows), ("row_max", Rows), ("dropped_mass", Rows), ("report", c.c_void_p),
                ("query_offsets", Numbers), ("key_offsets", Numbers), ("query_lengths", Numbers), ("key_lengths", Numbers),
                ("workspace", Memory), ("most_instruction_set", c.c_int32), ("least_instruction_set", c.c_int32), ("coverage", c.c_int32),
                ("tau", c.c_double), ("method", c.c_int32), ("coarse", c.c_int32), ("stride", c.c_int64), ("radius", c.c_int64),
                ("windows", c.c_int64), ("first_keys", c.c_int64), ("nearest_keys", c.c_int64), ("has_margin", c.c_int32),
                ("margin", c.c_double), ("threshold", c.c_double), ("weights", c.c_int32), ("query_block", c.c_int64),
                ("key_tile", c.c_int64), ("splits", c.c_int64), ("guard_limit", c.c_double), ("has_lipschitz", c.c_int32),
                ("lipschitz", c.c_double), ("diagnostics", c.c_int32)]


Item = c.CFUNCTYPE(None, c.c_void_p, c.c_int64, c.c_int32)
Run = c.CFUNCTYPE(None, c.c_void_p, c.c_int64, Item, c.c_void_p)


class ParallelFor(c.Structure):
    _fields_ = [("workers", c.c_int32), ("run", Run), ("user", c.c_void_p)]


HEADS, QUERIES, KEYS, DIM = 2, 3, 7, 4


def function(name, result=c.c_int32):
    f = getattr(library, prefix + "crestmax_" + name)
    f.restype = result
    return f


class Call:
    """A small call: float32, as many key-value heads as query heads, with a log-sum-exp."""

    def __init__(self):
        numbers = random.Random(1)
        self.q, self.k, self.v = (array.array("f", [numbers.gauss(0, 1) for _ in range(rows * HEADS * DIM)]) for rows in (QUERIES, KEYS, KEYS))
        self.out = array.array("f", bytes(4 * len(self.q)))
        self.lse = array.array("f", bytes(4 * QUERIES * HEADS))
        self.tensors = Tensors(size=c.sizeof(Tensors), query=self.tensor(self.q, QUERIES), key=self.tensor(self.k, KEYS),
                               value=self.tensor(self.v, KEYS), output=self.tensor(self.out, QUERIES))
        self.options = Options()
        function("options_init", None)(c.byref(self.options), c.c_size_t(c.sizeof(Options)))
        self.options.lse = Rows(data=self.lse.buffer_info()[0], type=FLOAT32, extents=(1, QUERIES, HEADS))
        self.status = Status()
        self.parallel = None

    @staticmethod
    def tensor(numbers, rows):
        return Tensor(data=numbers.buffer_info()[0], type=FLOAT32, extents=(1, rows, HEADS, DIM))

    def modify(self, *modifiers):
        self.modifiers = (Modifier * len(modifiers))(*modifiers)
        self.options.modifiers = self.modifiers
        self.options.modifier_count = len(modifiers)

    def run(self):
        needed = c.c_size_t()
        workers = self.parallel.workers if self.parallel else 1
        code = function("workspace_bytes")(c.byref(self.tensors), c.byref(self.options), c.c_int32(workers), c.byref(needed), c.byref(self.status))
        if code != OK:
            return code
        self.memory = c.create_string_buffer(needed.value + 64)
        self.options.workspace = Memory(c.addressof(self.memory) + -c.addressof(self.memory) % 64, needed.value)
        return function("attention")(c.byref(self.tensors), c.byref(self.options), c.byref(self.parallel) if self.parallel else None,
                                     c.byref(self.status))

    def expected(self, modify=lambda score, query, key: score):
        """Outputs and log-sum-exps by the definition; query and key are positions, None hides."""
        outputs, sums = [], []
        for i in range(QUERIES):
            for h in range(HEADS):
                at = lambda numbers, row: numbers[(row * HEADS + h) * DIM:][:DIM]
                scores = [modify(sum(a * b for a, b in zip(at(self.q, i), at(self.k, j))) / math.sqrt(DIM), i + KEYS - QUERIES, j)
                          for j in range(KEYS)]
                weights = [0.0 if s is None else math.exp(s) for s in scores]
                outputs += [sum(w * at(self.v, j)[n] for j, w in enumerate(weights)) / sum(weights) for n in range(DIM)]
                sums.append(math.log(sum(weights)))
        return outputs, sums


def modifier(kind, **members):
    return Modifier(size=c.sizeof(Modifier), kind=kind, **members)


class FromPython(unittest.TestCase):
    def expect_right(self, call, modify=lambda score, query, key: score):
        self.assertEqual(call.run(), OK, call.status.message)
        for given, wanted in zip((call.out, call.lse), call.expected(modify)):
            for a, b in zip(given, wanted):
                self.assertAlmostEqual(a, b, places=5)

    def test_a_call_is_right(self):
        self.expect_right(Call())

    def test_modifiers_are_right_in_their_order(self):
        call = Call()
        call.modify(modifier(SOFT_CAP, cap=0.5), modifier(CAUSAL))
        self.expect_right(call, lambda score, query, key: 0.5 * math.tanh(score / 0.5) if key <= query else None)

    def test_a_callback_is_called_for_scores(self):
        call = Call()
        farther = Score(lambda user, score, at: score - 0.25 * (at.contents.query - at.contents.key))
        call.modify(modifier(CUSTOM_SCORE, score=farther))
        self.expect_right(call, lambda score, query, key: score - 0.25 * (query - key))

    def test_items_are_run_by_a_parallel_for_of_the_callers(self):
        call = Call()
        seen = []

        @Run
        def run(user, count, body, context):
            for item in reversed(range(count)):
                seen.append(item)
                body(context, item, item % 2)

        call.parallel = ParallelFor(2, run, None)
        self.expect_right(call)
        self.assertTrue(seen)

    def test_what_is_wrong_is_named(self):
        call = Call()
        call.tensors.key.data = None
        self.assertEqual(call.run(), NULL_POINTER)
        self.assertIn(b"key", call.status.message)
        call = Call()
        call.tensors.query.type = 77
        self.assertEqual(call.run(), BAD_OPTION)
        self.assertIn(b"query.type", call.status.message)
        self.assertIn(b"77", call.status.message)

    def test_a_struct_without_a_size_is_refused(self):
        call = Call()
        call.options.size = 0
        self.assertEqual(call.run(), BAD_STRUCT)
        self.assertIn(b"options", call.status.message)

    def test_the_structs_of_this_file_are_those_of_the_header(self):
        # The library fills as many bytes as it knows: here all of them, so that the last member has its place.
        options = Options()
        function("options_init", None)(c.byref(options), c.c_size_t(c.sizeof(Options)))
        self.assertEqual(options.size, c.sizeof(Options))
        self.assertEqual((options.stride, options.radius, options.windows, options.guard_limit), (16, 32, 8, 2.0**24))

    def test_versions_and_sets_have_names(self):
        self.assertRegex(function("version", c.c_char_p)(), rb"^\d+\.\d+\.\d+$")
        widest = function("widest_instruction_set")()
        self.assertNotIn(function("name_of_instruction_set", c.c_char_p)(widest), (b"unknown", b"any"))


if __name__ == "__main__":
    library, prefix = c.CDLL(sys.argv[1]), sys.argv[2]
    unittest.main(argv=sys.argv[:1])
