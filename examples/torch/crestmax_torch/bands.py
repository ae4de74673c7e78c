"""Masks of transformers that are a band of positions, recognised instead of written out.

Models ask for a mask once per forward pass and hand it to every layer. Where nothing but causality and a window hides
keys, they get a BandMask here: it says so to crestmax, and becomes the tensor that it stands for as soon as anybody does anything
else with it.
"""

import torch
from transformers import masking_utils


class BandMask(torch.Tensor):
    """A mask (batch, 1, q_len, kv_len) of bool that has no memory. Query i stands at key position i + first_query.

    left, right: keys before and behind a query's own that it sees; None: all."""

    @staticmethod
    def __new__(cls, shape, first_query, left, right, device):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.bool, device=device)

    def __init__(self, shape, first_query, left, right, device):
        self.first_query, self.left, self.right = first_query, left, right

    def __repr__(self):
        return f"BandMask(shape={tuple(self.shape)}, first_query={self.first_query}, left={self.left}, right={self.right})"

    def written_out(self):
        batch, _, q_len, kv_len = self.shape
        query = torch.arange(q_len, device=self.device)[:, None] + self.first_query
        distance = torch.arange(kv_len, device=self.device)[None, :] - query
        seen = torch.ones_like(distance, dtype=torch.bool)
        if self.left is not None:
            seen &= distance >= -self.left
        if self.right is not None:
            seen &= distance <= self.right
        return seen.expand(batch, 1, q_len, kv_len)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        def plain(argument):
            return argument.written_out() if isinstance(argument, cls) else argument

        args, kwargs = torch.utils._pytree.tree_map(plain, (args, kwargs or {}))
        return function(*args, **kwargs)


def closed_over(function):
    """What a function made inside another one holds of it, by name."""
    if not hasattr(function, "__code__"):
        return {}
    return dict(zip(function.__code__.co_freevars, (cell.cell_contents for cell in function.__closure__ or ())))


def is_made_by(function, maker):
    return getattr(function, "__qualname__", "").startswith(maker.__qualname__ + ".<locals>")


def band_of(mask_function):
    """(left, right) of one of transformers' mask functions; None of any other."""
    if mask_function is masking_utils.causal_mask_function:
        return None, 0
    if mask_function is masking_utils.bidirectional_mask_function:
        return None, None
    if not is_made_by(mask_function, masking_utils.and_masks):
        return None
    left, right = None, None
    for part in closed_over(mask_function)["mask_functions"]:
        if is_made_by(part, masking_utils.sliding_window_overlay):
            part_band = closed_over(part)["sliding_window"] - 1, None
        elif is_made_by(part, masking_utils.sliding_window_bidirectional_overlay):
            part_band = (closed_over(part)["sliding_window"],) * 2
        else:
            part_band = band_of(part)
        if part_band is None:
            return None
        left, right = (least(*pair) for pair in zip((left, right), part_band))
    return left, right


def least(*limits):
    return min((limit for limit in limits if limit is not None), default=None)


def hides_padding(padding, first_key, keys):
    """Whether a padding mask (batch, positions) hides one of so many keys."""
    if padding is None:
        return False
    shown = padding[:, first_key:first_key + keys]
    return shown.shape[-1] < keys or not bool(shown.all())


def is_traced(*tensors):
    """Whether a graph is being made, in which numbers of tensors cannot be asked for."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing() or any(
        isinstance(tensor, torch.Tensor) and type(tensor) is not torch.Tensor for tensor in tensors)


def make_mask(batch_size, q_length, kv_length, q_offset=0, kv_offset=0, mask_function=masking_utils.causal_mask_function,
              attention_mask=None, allow_is_causal_skip=True, allow_is_bidirectional_skip=False, device="cpu", **others):
    """A function for transformers' AttentionMaskInterface: a BandMask where that is all, else what SDPA would get, which is bool."""
    if not is_traced(attention_mask, q_offset):
        band = band_of(mask_function)
        first_query = int(q_offset) - kv_offset
        # Of a cache with room to spare, keys behind the last query are not there yet.
        keys = kv_length if band is None or band[1] is None else min(kv_length, first_query + q_length + band[1])
        if band is not None and not hides_padding(attention_mask, kv_offset, keys):
            return BandMask((batch_size, 1, q_length, kv_length), first_query, *band, device)
    return masking_utils.sdpa_mask(
        batch_size=batch_size, q_length=q_length, kv_length=kv_length, q_offset=q_offset, kv_offset=kv_offset,
        mask_function=mask_function, attention_mask=attention_mask, allow_is_causal_skip=False,
        allow_is_bidirectional_skip=False, device=device, **others)
