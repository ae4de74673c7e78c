"""PyTorch's scaled_dot_product_attention, computed by crestmax."""

import torch
from torch.nn.attention.bias import CausalVariant

UPPER_LEFT = int(CausalVariant.UPPER_LEFT)
LOWER_RIGHT = int(CausalVariant.LOWER_RIGHT)


def refuse_gradients(*tensors):
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
        raise NotImplementedError("crestmax computes no gradients: call it under torch.no_grad() or torch.inference_mode()")


def check_arguments(query, key, attn_mask, dropout_p, is_causal, enable_gqa):
    if dropout_p != 0.0:
        raise ValueError(f"dropout_p: expected 0.0, given {dropout_p}")
    if is_causal and attn_mask is not None:
        raise ValueError("attn_mask: expected None with is_causal=True, given a tensor")
    if query.dim() < 2:
        raise ValueError(f"query: expected rank 2 or more, given rank {query.dim()}")
    if not enable_gqa and query.dim() > 2 and query.shape[-3] != key.shape[-3] and 1 not in (query.shape[-3], key.shape[-3]):
        raise ValueError(f"key: expected heads {query.shape[-3]} (those of query) without enable_gqa, given {key.shape[-3]}")


def as_batches(tensor, leading):
    """(..., heads, len, d) as (batch, heads, len, d), `leading` axes before heads."""
    expanded = tensor.expand(*leading, *tensor.shape[len(tensor.shape) - 3:])
    return expanded.reshape(-1, *expanded.shape[-3:]) if len(leading) != 1 else expanded


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """torch.nn.functional.scaled_dot_product_attention without dropout and gradients.

    As there, is_causal aligns the first query with the first key. A mask hides where it is False, -inf or the lowest number of its
    dtype; a row that sees no key is 0."""
    refuse_gradients(query, key, value, attn_mask)
    check_arguments(query, key, attn_mask, dropout_p, is_causal, enable_gqa)
    rank = query.dim()
    tensors = [tensor[(None,) * max(0, 4 - rank)] for tensor in (query, key, value)]
    if not enable_gqa:
        heads = torch.broadcast_shapes(*(tensor.shape[-3:-2] for tensor in tensors))
        tensors = [tensor.expand(*tensor.shape[:-3], *heads, *tensor.shape[-2:]) for tensor in tensors]
    leading = torch.broadcast_shapes(*(tensor.shape[:-3] for tensor in tensors))
    batches = [as_batches(tensor, leading) for tensor in tensors]
    if attn_mask is not None and attn_mask.dim() > 3:
        attn_mask = as_batches(attn_mask, leading) if any(size != 1 for size in attn_mask.shape[:-3]) else attn_mask.reshape(attn_mask.shape[-4:])
    output = torch.ops.crestmax.attention(*batches, attn_mask, causal=UPPER_LEFT if is_causal else 0, scale=scale)
    output = output if len(leading) == 1 else output.reshape(*leading, *output.shape[1:])
    return output[(0,) * max(0, 4 - rank)]
