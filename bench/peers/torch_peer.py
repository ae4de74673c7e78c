"""PyTorch: scaled_dot_product_attention, which on a CPU runs its flash kernel where it can."""

import numpy
import torch
from torch.nn.functional import scaled_dot_product_attention

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Torch:
    name = "PyTorch"
    keeps_threads = False
    encodings = ("",)

    def __init__(self, threads):
        torch.set_num_threads(threads)
        self.version = torch.__version__.partition("+")[0]

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        case = work.case
        ways = []
        if case.lengths:
            ways.append(("sdpa, sequence by sequence", lambda: prepare_each(work)))
        masked = ", mask" if needs_mask(case) else ""
        if case.group > 1:
            ways.append((f"sdpa, heads folded{masked}", lambda: prepare(work, True)))
        ways.append((f"sdpa{', enable_gqa' if case.group > 1 else ''}{masked}", lambda: prepare(work, False)))
        return ways


def needs_mask(case):
    """Whether is_causal does not say it."""
    return case.hides and not (case.is_square and case.causal and not case.window)


def view(array, kind, shape):
    """The memory of a numpy array as a tensor."""
    raw = array.view(numpy.int16 if array.itemsize == 2 else numpy.int32)
    return torch.from_numpy(raw).view(TYPES[kind]).view(shape)


def prepare(work, folded):
    """Folded: the query heads of a key-value head become queries of one head."""
    case = work.case
    heads, queries = (case.kv_heads, case.group * case.q_len) if folded else (case.q_heads, case.q_len)
    query = view(work.query, case.kind, (case.batch, heads, queries, case.head_dim))
    keys = [view(key, case.kind, key.shape) for key in work.keys]
    values = [view(value, case.kind, value.shape) for value in work.values]
    options = {} if folded or case.group == 1 else {"enable_gqa": True}
    if needs_mask(case):
        options["attn_mask"] = torch.from_numpy(work.folded_mask() if folded else work.mask())
    elif case.hides:
        options["is_causal"] = True
    last = [None]

    def run(copy):
        with torch.inference_mode():
            last[0] = scaled_dot_product_attention(query, keys[copy], values[copy], **options)

    return run, lambda: last[0].float().numpy()


def prepare_each(work):
    """Sequences one after another, each with its own keys; heads folded. Of one query, which sees them all."""
    case = work.case
    query = view(work.query, case.kind, (case.batch, case.kv_heads, case.group, case.head_dim))
    queries = [query[i:i + 1] for i in range(case.batch)]

    def cut(copies):
        whole = [view(copy, case.kind, copy.shape) for copy in copies]
        return [[copy[i:i + 1, :, :length] for i, length in enumerate(case.key_lengths)] for copy in whole]

    keys, values = cut(work.keys), cut(work.values)
    last = [None]

    def run(copy):
        with torch.inference_mode():
            last[0] = [scaled_dot_product_attention(*one) for one in zip(queries, keys[copy], values[copy])]

    return run, lambda: torch.cat(last[0]).float().numpy()
