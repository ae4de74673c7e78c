"""The tensors of one case, and the float64 answer that every output is checked against."""

import numpy

from ours import DTYPES

# Largest error that is taken for correct, relative to the largest number of a row of the output.
# For fp16 it is below what bf16 can do: some peers would compute in bf16 what was given in fp16.
TOLERANCE = {"fp32": 1e-4, "fp16": 3e-3, "bf16": 3e-2}
CACHES = 8  # keys and values of a decode case together are at least this many times the last-level cache


class Work:
    """query (q_heads, q_len, head_dim); keys and values: lists of copies (kv_heads, kv_len, head_dim)."""

    def __init__(self, case, library, seed=1):
        self.case = case
        dtype = DTYPES[case.kind]
        random = numpy.random.default_rng(seed)

        def filled(shape):
            array = library.array(shape, dtype)
            array[...] = random.standard_normal(shape, dtype=numpy.float32).astype(dtype)
            return array

        self.query = filled((case.q_heads, case.q_len, case.head_dim))
        kv_shape = (case.kv_heads, case.kv_len, case.head_dim)
        self.keys, self.values = [filled(kv_shape)], [filled(kv_shape)]
        wanted = CACHES * library.last_level_cache if case.phase == "decode" else 0
        while len(self.keys) * case.kv_bytes < wanted:
            for copies in (self.keys, self.values):
                copies.append(library.array(kv_shape, dtype))
                copies[-1][...] = copies[0]
        # Rows that are checked: of each head the first, the last and some between.
        self.rows = numpy.unique(numpy.linspace(0, case.q_len - 1, min(case.q_len, 7)).astype(int))
        self.expected = self.reference()

    @property
    def copies(self):
        return len(self.keys)

    def reference(self):
        """(q_heads, rows, head_dim) in float64, of the rounded inputs."""
        case = self.case
        expected = numpy.empty((case.q_heads, len(self.rows), case.head_dim))
        seen = numpy.arange(case.kv_len)[None, :] <= self.rows[:, None] + case.kv_len - case.q_len
        for kv_head in range(case.kv_heads):
            key = self.keys[0][kv_head].astype(numpy.float64)
            value = self.values[0][kv_head].astype(numpy.float64)
            for head in range(kv_head * case.group, (kv_head + 1) * case.group):
                scores = self.query[head, self.rows].astype(numpy.float64) @ key.T / case.head_dim**0.5
                if case.causal:
                    scores[~seen] = -numpy.inf
                weights = numpy.exp(scores - scores.max(axis=1, keepdims=True))
                expected[head] = weights @ value / weights.sum(axis=1, keepdims=True)
        return expected

    def error(self, output):
        """Largest difference of an output (q_heads, q_len, head_dim) from the answer, relative to the largest number
        of the same row."""
        got = numpy.asarray(output).reshape(self.query.shape)[:, self.rows].astype(numpy.float64)
        error = (numpy.abs(got - self.expected).max(axis=-1) / numpy.abs(self.expected).max(axis=-1)).max()
        return float(error) if numpy.isfinite(error) else float("inf")

    def is_right(self, error):
        return error <= TOLERANCE[self.case.kind]
