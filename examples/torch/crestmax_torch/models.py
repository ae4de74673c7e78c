"""attn_implementation="crestmax": what transformers' models call, and the masks that they hand over."""

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from .bands import BandMask, make_mask
from .functional import LOWER_RIGHT, UPPER_LEFT, refuse_gradients


def window(limit):
    return -1 if limit is None else limit


def from_band(mask, key, value):
    """Arguments of the operator for a BandMask. Keys that no query sees are left out, so that the last query stands at the last key."""
    q_len, kv_len = mask.shape[-2:]
    if mask.left is None and mask.right is None:
        return key, value, {}
    if mask.right == 0:
        end = mask.first_query + q_len
        if 0 < end <= kv_len:
            return key[:, :, :end], value[:, :, :end], {"causal": LOWER_RIGHT, "window_left": window(mask.left)}
    elif mask.first_query + q_len == kv_len:
        return key, value, {"window_left": window(mask.left), "window_right": window(mask.right)}
    return key, value, {"mask": mask.written_out()}


def from_nothing(module, query, key, value, is_causal):
    """Arguments where the model has no mask: as with SDPA, the first query then stands at the first key."""
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    return key, value, {"causal": UPPER_LEFT} if causal and query.shape[2] > 1 else {}


def join_bias(position_bias, settings, q_len, kv_len):
    """A bias on scores together with the mask there is, as one mask of numbers. Causality stays what it is."""
    bias = position_bias[..., :kv_len]
    mask = settings.get("mask")
    if mask is None:
        return bias
    return torch.where(mask, bias, float("-inf")) if mask.dtype == torch.bool else bias + mask


def attention_forward(module, query, key, value, attention_mask, dropout=0.0, scaling=None, is_causal=None, softcap=None,
                      s_aux=None, position_bias=None, **others):
    """A function for transformers' AttentionInterface. Windows and causality come with the mask (see bands.py).

    query (batch, heads, q_len, d_qk), key and value (batch, kv_heads, kv_len, d). Returns (batch, q_len, heads, d_v) and None."""
    refuse_gradients(query, key, value, s_aux, position_bias)
    if dropout != 0.0:
        raise ValueError(f"dropout: crestmax has none, expected 0.0, given {dropout}: call model.eval()")
    if isinstance(attention_mask, BandMask):
        key, value, settings = from_band(attention_mask, key, value)
    elif attention_mask is None:
        key, value, settings = from_nothing(module, query, key, value, is_causal)
    else:
        settings = {"mask": attention_mask}
    if position_bias is not None:
        settings["mask"] = join_bias(position_bias, settings, query.shape[2], key.shape[2])
    output = torch.ops.crestmax.attention(query, key, value, softcap=softcap or 0.0, sinks=s_aux, scale=scaling, **settings)
    return output.transpose(1, 2), None


def register(name="crestmax"):
    """Makes attn_implementation=name known to transformers."""
    AttentionInterface.register(name, attention_forward)
    AttentionMaskInterface.register(name, make_mask)
