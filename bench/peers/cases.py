"""The shapes that are compared, and the bars that are set for them."""

from dataclasses import dataclass

KINDS = ("fp32", "fp16", "bf16")
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
# Encodings of keys and values, and the bytes of a row of so many numbers.
ENCODINGS = {"q8_0": lambda numbers: numbers // 32 * 34, "q4_0": lambda numbers: numbers // 32 * 18, "int8": lambda numbers: 4 + numbers,
             "uint8": lambda numbers: 8 + numbers}
AHEAD = 1.05  # ours over the best peer, at least, in every case
AHEAD_ENCODED = 3.0  # the same with encoded keys and values


@dataclass(frozen=True)
class Case:
    """One call. Head-major: query and output (batch, q_heads, q_len, head_dim), keys and values
    (batch, kv_heads, kv_len, head_dim), all of one kind, or keys and values encoded. The last query of a causal call
    stands at the last key."""

    phase: str  # "prefill", or "decode": few queries, whose time is that of reading the cache
    kind: str
    q_len: int
    kv_len: int
    q_heads: int
    kv_heads: int
    head_dim: int
    causal: bool = False
    batch: int = 1
    lengths: tuple = ()  # ragged: how many of its kv_len keys each sequence has
    window: int = 0  # how many keys, its own among them, a query sees; 0: all. Only where causal
    encoding: str = ""  # of keys and values, one of ENCODINGS; else they are of `kind`

    def __post_init__(self):
        object.__setattr__(self, "lengths", tuple(self.lengths))  # a list, where it was read from a file

    @property
    def group(self):
        """Query heads that share a key-value head."""
        return self.q_heads // self.kv_heads

    @property
    def key_lengths(self):
        return self.lengths or (self.kv_len,) * self.batch

    @property
    def is_square(self):
        """Whether a mask that begins at the first key is the same as one that ends at the last."""
        return self.q_len == self.kv_len and not self.lengths

    @property
    def hides(self):
        """Whether a query sees less than kv_len keys."""
        return bool(self.lengths or self.window or (self.causal and self.q_len > 1))

    def pairs_of(self, kv_len):
        """Pairs of query and key of one head; half of a square when causal."""
        if self.window:
            return sum(min(self.window, kv_len - i) for i in range(self.q_len))
        return self.q_len * kv_len - (self.q_len**2 // 2 if self.causal and self.q_len > 1 else 0)

    @property
    def flops(self):
        """4 operations per pair of query and key and dimension."""
        return 4 * sum(map(self.pairs_of, self.key_lengths)) * self.head_dim * self.q_heads

    @property
    def cache_kind(self):
        """What keys and values are."""
        return self.encoding or self.kind

    @property
    def row_bytes(self):
        """Bytes of a key, or a value."""
        return ENCODINGS[self.encoding](self.head_dim) if self.encoding else self.head_dim * BYTES[self.kind]

    @property
    def kv_bytes(self):
        """Bytes of all keys and values that are seen."""
        return 2 * self.kv_heads * sum(self.key_lengths) * self.row_bytes

    @property
    def work(self):
        """What a speed counts: bytes in decode, operations in prefill."""
        return self.kv_bytes if self.phase == "decode" else self.flops

    @property
    def unit(self):
        return "GB/s" if self.phase == "decode" else "GFLOP/s"

    @property
    def name(self):
        """Of the usual shapes: phase, kind and length; of others all that is different."""
        heads = f"{self.q_heads}" if self.group == 1 else f"{self.q_heads} on {self.kv_heads}"
        words = [self.phase, self.kind, *([self.encoding] if self.encoding else [])]
        words += [f"batch {self.batch}"] if self.batch > 1 else []
        if self.phase == "decode":
            usual = (self.q_heads, self.kv_heads, self.head_dim) == (32, 8, 128)
            words += [] if usual else [f"heads {heads} d {self.head_dim}"]
            words += [f"{self.q_len} queries"] if self.q_len > 1 else []
            words += ["ragged" if self.lengths else f"kv_len {self.kv_len}"]
            return " ".join(words)
        words += [] if self.q_heads == 8 and self.kv_heads == 8 else [f"heads {heads}"]
        words += [f"n {self.kv_len} d {self.head_dim}"]
        return " ".join([*words, f"window {self.window}" if self.window else "causal" if self.causal else "full"])

    def ceiling(self, ceilings):
        """The speed that the machine allows at most: the lower of the limits that compute and memory set."""
        compute = ceilings["bf16" if self.kind == "bf16" else "fma"]
        if self.phase == "prefill":
            return compute
        if self.encoding:  # integers are multiplied faster than floats
            return ceilings["read"]
        return min(ceilings["read"], compute * self.kv_bytes / self.flops)

    def bar(self, instruction_set):
        """Ours over the best peer, at least. Higher than elsewhere where a call is long and alone, and 4 heads share keys."""
        if self.encoding:
            return AHEAD_ENCODED
        if self not in usual_cases():
            return AHEAD
        if self.phase == "decode":
            return 2.0 if self.kind == "fp32" else 3.0
        if self.kind == "fp32":
            return 1.15 if self.causal else 1.08 if instruction_set == "avx2" else AHEAD
        if self.kind == "bf16":
            return 2.0 if instruction_set == "amx" else 1.12
        return 1.4 if self.causal else AHEAD


def prefill(kind, n, head_dim, causal, batch=1, heads=8, window=0, encoding=""):
    return Case("prefill", kind, n, n, heads, heads, head_dim, causal, batch, window=window, encoding=encoding)


def decode(kind, kv_len, q_heads=32, kv_heads=8, head_dim=128, batch=1, queries=1, lengths=(), encoding=""):
    return Case("decode", kind, queries, kv_len, q_heads, kv_heads, head_dim, queries > 1, batch, lengths, encoding=encoding)


def usual_cases():
    """The shapes that have bars of their own."""
    some = [prefill(kind, n, d, causal)
            for n in (1024, 4096) for d in (128, 64) for kind in KINDS for causal in (False, True)]
    return some + [decode(kind, kv_len) for kv_len in (4096, 16384, 65536) for kind in KINDS]


def short_cases():
    """What two minutes allow."""
    some = [prefill(kind, 1024, 128, causal) for kind in KINDS for causal in (False, True)]
    return some + [decode(kind, 16384) for kind in KINDS]


def plot_cases():
    """What the plots need: speed over n, and over kv_len."""
    some = [prefill(kind, n, 128, causal) for kind in ("fp32", "bf16") for causal in (False, True)
            for n in (512, 1024, 2048, 4096, 8192)]
    return some + [decode(kind, kv_len) for kind in KINDS for kv_len in (1024, 4096, 16384, 65536)]


def head_cases():
    """Decode with 1 to 16 query heads for a key-value head, and the groups of models: 14 on 2, 9 on 3."""
    some = [decode(kind, 4096, group * 4, 4) for group in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16) for kind in KINDS]
    some += [decode(kind, 4096, group * 4, 4, 64) for group in (1, 2, 3, 4, 7, 12) for kind in KINDS]
    return some + [decode(kind, kv_len, q_heads, kv_heads, 64)
                   for q_heads, kv_heads, kv_len in ((14, 2, 2048), (9, 3, 4096)) for kind in KINDS]


def encoder_cases():
    """Every token sees every token of its own sequence; short ones, many of them."""
    shapes = ((4, 8, 17, 64), (32, 12, 32, 64), (32, 12, 64, 64), (8, 12, 128, 64), (1, 12, 512, 64), (8, 12, 512, 64),
              (8, 16, 257, 80), (1, 16, 729, 72))
    return [prefill(kind, n, d, False, batch, heads) for batch, heads, n, d in shapes for kind in KINDS]


def prompt_cases():
    """Short prompts, and head_dims that are not 64 or 128."""
    some = [prefill(kind, n, 128, True) for n in (17, 32, 64, 128, 256) for kind in KINDS]
    return some + [prefill(kind, 1024, d, causal) for d in (96, 256) for kind in KINDS for causal in (False, True)]


def cache_cases():
    """Decode of batches, ragged ones among them; other head_dims; 2 to 8 queries on a long context; windows."""
    ragged = (100, 3000, 517, 4096, 33, 1800, 900, 2500)
    some = [decode(kind, kv_len, batch=batch) for batch, kv_len in ((8, 512), (8, 2048), (32, 512)) for kind in KINDS]
    some += [decode(kind, 4096, batch=len(ragged), lengths=ragged) for kind in KINDS]
    some += [decode(kind, 4096, head_dim=d) for d in (64, 96, 256) for kind in KINDS]
    some += [decode(kind, 16384, queries=queries) for queries in (2, 4, 8) for kind in KINDS]
    return some + [prefill(kind, 4096, d, True, window=1024) for d in (64, 128) for kind in KINDS]


def quantised_cases():
    """Keys and values in fewer bits: decode of all encodings, and prompts of the one that ggml multiplies fastest."""
    some = [decode("fp32", kv_len, q_heads, encoding=encoding) for kv_len in (4096, 16384) for q_heads in (32, 8) for encoding in ENCODINGS]
    return some + [prefill("fp32", 4096, 128, causal, encoding="q8_0") for causal in (False, True)]


SETS = {"usual": usual_cases, "short": short_cases, "plots": plot_cases, "heads": head_cases, "encoders": encoder_cases,
        "prompts": prompt_cases, "caches": cache_cases, "quantised": quantised_cases}


def every_case():
    """Of all sets of floats, each once."""
    return list(dict.fromkeys(case for name in ("usual", "heads", "encoders", "prompts", "caches") for case in SETS[name]()))
