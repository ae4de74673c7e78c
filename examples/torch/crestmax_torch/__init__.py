"""crestmax's attention for PyTorch on CPUs.

    torch.ops.crestmax.attention(query, key, value, mask=None, *, causal=0, window_left=-1, window_right=-1,
                                 softcap=0.0, sinks=None, scale=None) -> Tensor

query is (batch, heads, len, d); key and value may have fewer heads, and value another d. The README beside this package
has the other operators. scaled_dot_product_attention() takes what PyTorch's function of that name takes; register() adds
attn_implementation="crestmax" to transformers.
"""

from pathlib import Path

import torch

torch.ops.load_library(str(Path(__file__).with_name("operators.so")))

from . import shapes  # noqa: E402, F401
from .functional import scaled_dot_product_attention  # noqa: E402


def register(name="crestmax"):
    """Makes attn_implementation=name known to transformers."""
    from . import models

    models.register(name)


__all__ = ["register", "scaled_dot_product_attention"]
