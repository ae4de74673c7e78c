"""The tensors of one case, and the float64 answer that every output is checked against."""

from typing import NamedTuple

import numpy

from cases import ENCODINGS
from encodings_of_rows import DECODE, ENCODE
from ours import DTYPES

# Largest error that is taken for correct, relative to the largest number of a row of the output.
# For fp16 it is below what bf16 can do: some peers would compute in bf16 what was given in fp16.
# Beside encoded keys and values it is what queries of 8 bits leave, to which some peers round them.
TOLERANCE = {"fp32": 1e-4, "fp16": 3e-3, "bf16": 3e-2, **dict.fromkeys(ENCODINGS, 3e-2)}
# Far from every answer, and finite: a peer may multiply what it finds in memory that others have left by zero.
UNWRITTEN = 1000
CACHES = 3  # keys and values of a decode case together are at least this many times the last-level cache


class Grown(NamedTuple):
    """What a call leaves that appends the newest key to a cache of its own: one query each, which saw that key `more`
    times beside the first."""

    output: numpy.ndarray
    more: int


class Work:
    """query (batch, q_heads, q_len, head_dim); keys and values: lists of copies (batch, kv_heads, kv_len, head_dim), or rows
    of bytes (..., row_bytes). key_numbers and value_numbers: what they stand for."""

    def __init__(self, case, library, seed=1):
        self.case = case
        dtype = DTYPES[case.kind]
        random = numpy.random.default_rng(seed)

        def filled(shape):
            array = library.array(shape, dtype)
            array[...] = random.standard_normal(shape, dtype=numpy.float32).astype(dtype)
            return array

        self.query = filled((case.batch, case.q_heads, case.q_len, case.head_dim))
        kv_shape = (case.batch, case.kv_heads, case.kv_len, case.head_dim)
        self.key_numbers, self.value_numbers = filled(kv_shape), filled(kv_shape)
        self.keys, self.values = [self.key_numbers], [self.value_numbers]
        if case.encoding:
            for copies, numbers in ((self.keys, self.key_numbers), (self.values, self.value_numbers)):
                copies[0] = library.array((*kv_shape[:-1], case.row_bytes), numpy.uint8)
                copies[0][...] = ENCODE[case.encoding](numbers)
                numbers[...] = DECODE[case.encoding](copies[0])
        wanted = CACHES * library.last_level_cache if case.phase == "decode" else 0
        while len(self.keys) * case.kv_bytes < wanted:
            for copies in (self.keys, self.values):
                copies.append(library.array(copies[0].shape, copies[0].dtype))
                copies[-1][...] = copies[0]
        # What is checked: of some sequences every head, and of each head the first row, the last and some between.
        self.sequences = some_of(case.batch, 4)
        self.rows = some_of(case.q_len, 7)
        self.sums, self.weights, self.newest = self.reference()

    @property
    def copies(self):
        return len(self.keys)

    def seen(self, rows):
        """Which keys these rows of every sequence see: (batch, rows, kv_len)."""
        case = self.case
        lengths = numpy.asarray(case.key_lengths)[:, None, None]
        keys = numpy.arange(case.kv_len)[None, None, :]
        own = rows[None, :, None] + lengths - case.q_len  # where a query stands
        seen = (keys < lengths) & numpy.ones((1, len(rows), 1), bool)
        if case.causal:
            seen &= keys <= own
        if case.window:
            seen &= keys > own - case.window
        return seen

    def mask(self):
        """For peers that take a mask: (1 or batch, 1, q_len, kv_len), true where a query sees a key."""
        seen = self.seen(numpy.arange(self.case.q_len))[:, None]
        return numpy.ascontiguousarray(seen if self.case.lengths else seen[:1])

    def folded_mask(self):
        """The same with the query heads of a key-value head as queries of one head, head after head."""
        return numpy.ascontiguousarray(numpy.tile(self.mask(), (1, 1, self.case.group, 1)))

    def reference(self):
        """In float64, of the rounded inputs: (sequences, q_heads, rows, head_dim) of weights times values, (..., 1) of
        weights, and (..., 1 + head_dim) of the newest key's weight, and of that times its value."""
        case = self.case
        sums = numpy.empty((len(self.sequences), case.q_heads, len(self.rows), case.head_dim))
        totals = numpy.empty((*sums.shape[:-1], 1))
        newest = numpy.empty((*sums.shape[:-1], 1 + case.head_dim))
        seen = self.seen(self.rows)
        for i, sequence in enumerate(self.sequences):
            for kv_head in range(case.kv_heads):
                key = self.key_numbers[sequence, kv_head].astype(numpy.float64)
                value = self.value_numbers[sequence, kv_head].astype(numpy.float64)
                for head in range(kv_head * case.group, (kv_head + 1) * case.group):
                    scores = self.query[sequence, head, self.rows].astype(numpy.float64) @ key.T / case.head_dim**0.5
                    scores[~seen[sequence]] = -numpy.inf
                    weights = numpy.exp(scores - scores.max(axis=1, keepdims=True))
                    sums[i, head], totals[i, head] = weights @ value, weights.sum(axis=1, keepdims=True)
                    last = case.key_lengths[sequence] - 1
                    newest[i, head, :, :1] = weights[:, last:last + 1]
                    newest[i, head, :, 1:] = weights[:, last:last + 1] * value[last]
        return sums, totals, newest

    def expected(self, more=0):
        """The answer where the newest key stands there so many times more."""
        return (self.sums + more * self.newest[..., 1:]) / (self.weights + more * self.newest[..., :1])

    def blank(self, output):
        """Leaves nothing of what a call wrote, where the participant's own memory is shown: a call that does no work is
        seen by it."""
        array = output.output if isinstance(output, Grown) else output
        array[...] = UNWRITTEN

    def error(self, output):
        """Largest difference of an output (batch, q_heads, q_len, head_dim), or of a Grown, from the answer, relative to
        the largest number of the same row."""
        output, more = output if isinstance(output, Grown) else (output, 0)
        expected = self.expected(more)
        got = numpy.asarray(output).reshape(self.query.shape)[self.sequences][:, :, self.rows].astype(numpy.float64)
        error = (numpy.abs(got - expected).max(axis=-1) / numpy.abs(expected).max(axis=-1)).max()
        return float(error) if numpy.isfinite(error) else float("inf")

    def is_right(self, error):
        return error <= TOLERANCE[self.case.cache_kind]


def some_of(count, most):
    """Of so many numbers the first, the last and some between."""
    return numpy.unique(numpy.linspace(0, count - 1, min(count, most)).astype(int))
