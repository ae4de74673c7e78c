"""The shapes that are compared, and the bars that are set for them."""

from dataclasses import dataclass

KINDS = ("fp32", "fp16", "bf16")
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}


@dataclass(frozen=True)
class Case:
    """One call on one sequence. Head-major: query and output (q_heads, q_len, head_dim), keys and values
    (kv_heads, kv_len, head_dim), all of one kind."""

    phase: str  # "prefill" or "decode"
    kind: str
    q_len: int
    kv_len: int
    q_heads: int
    kv_heads: int
    head_dim: int
    causal: bool = False

    @property
    def group(self):
        """Query heads that share a key-value head."""
        return self.q_heads // self.kv_heads

    @property
    def flops(self):
        """4 operations per pair of query and key and dimension; half of the pairs when causal."""
        full = 4 * self.q_len * self.kv_len * self.head_dim * self.q_heads
        return full // 2 if self.causal else full

    @property
    def kv_bytes(self):
        """Bytes of all keys and values."""
        return 2 * self.kv_heads * self.kv_len * self.head_dim * BYTES[self.kind]

    @property
    def work(self):
        """What a speed counts: bytes in decode, operations in prefill."""
        return self.kv_bytes if self.phase == "decode" else self.flops

    @property
    def unit(self):
        return "GB/s" if self.phase == "decode" else "GFLOP/s"

    @property
    def name(self):
        if self.phase == "decode":
            return f"decode {self.kind} kv_len {self.kv_len}"
        mask = "causal" if self.causal else "full"
        return f"prefill {self.kind} n {self.kv_len} d {self.head_dim} {mask}"

    def ceiling(self, ceilings):
        """The speed that the machine allows at most: the lower of the limits that compute and memory set."""
        compute = ceilings["bf16" if self.kind == "bf16" else "fma"]
        if self.phase == "prefill":
            return compute
        return min(ceilings["read"], compute * self.kv_bytes / self.flops)

    def bar(self, instruction_set):
        """Ours over the best peer, at least; 1.0 where nothing more is asked than to be ahead."""
        if self.phase == "decode":
            return 2.0 if self.kind == "fp32" else 3.0
        if self.kind == "fp32":
            return 1.15 if self.causal else 1.08 if instruction_set == "avx2" else 1.0
        if self.kind == "bf16":
            return 2.0 if instruction_set == "amx" else 1.12
        return 1.4 if self.causal else 1.0


def prefill(kind, n, head_dim, causal):
    return Case("prefill", kind, n, n, 8, 8, head_dim, causal)


def decode(kind, kv_len):
    return Case("decode", kind, 1, kv_len, 32, 8, 128)


def usual_cases():
    """Every shape of the comparison."""
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
