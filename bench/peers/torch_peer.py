"""PyTorch: scaled_dot_product_attention, which on a CPU runs its flash kernel where it can."""

import numpy
import torch
from torch.nn.functional import scaled_dot_product_attention

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Torch:
    name = "PyTorch"
    keeps_threads = False

    def __init__(self, threads):
        torch.set_num_threads(threads)
        self.version = torch.__version__.partition("+")[0]

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        case = work.case
        if case.group == 1:
            shape = (1, case.q_heads, case.q_len, case.head_dim)
            return [("sdpa", lambda: prepare(work, shape, is_causal=case.causal))]
        folded = (1, case.kv_heads, case.group, case.head_dim)
        whole = (1, case.q_heads, 1, case.head_dim)
        return [("sdpa, heads folded", lambda: prepare(work, folded)),
                ("sdpa, enable_gqa", lambda: prepare(work, whole, enable_gqa=True))]


def view(array, kind, shape):
    """The memory of a numpy array as a tensor."""
    raw = array.view(numpy.int16 if array.itemsize == 2 else numpy.int32)
    return torch.from_numpy(raw).view(TYPES[kind]).view(shape)


def prepare(work, query_shape, **options):
    case = work.case
    kv_shape = (1, case.kv_heads, case.kv_len, case.head_dim)
    query = view(work.query, case.kind, query_shape)
    keys = [view(key, case.kind, kv_shape) for key in work.keys]
    values = [view(value, case.kind, kv_shape) for value in work.values]
    last = [None]

    def run(copy):
        with torch.inference_mode():
            last[0] = scaled_dot_product_attention(query, keys[copy], values[copy], **options)

    return run, lambda: last[0].float().numpy()
