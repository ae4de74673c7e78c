"""Attention as its definition has it, in float64, and how far a dtype may be off."""

import math

import torch

# Of the largest value of a head: four roundings of the dtype's own, and what sums of float32 may add.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 4e-6, torch.float16: 4e-3, torch.bfloat16: 3.2e-2}


def seen_by(q_len, kv_len, causal=0, window_left=-1, window_right=-1):
    """(q_len, kv_len) of bool. causal: 0 none, 1 upper left, 2 lower right."""
    position = torch.arange(q_len)[:, None] + (0 if causal == 1 else kv_len - q_len)
    distance = torch.arange(kv_len)[None, :] - position
    seen = torch.ones(q_len, kv_len, dtype=torch.bool)
    if causal:
        seen &= distance <= 0
    if window_left >= 0:
        seen &= distance >= -window_left
    if window_right >= 0:
        seen &= distance <= window_right
    return seen


def attention(query, key, value, mask=None, *, softcap=0.0, sinks=None, scale=None, **positions):
    """(output, lse) in float64 of (batch, heads, len, d). A row that sees no key is 0."""
    query, key, value = (tensor.double() for tensor in (query, key, value))
    group = query.shape[1] // key.shape[1]
    key, value = (tensor.repeat_interleave(group, dim=1) for tensor in (key, value))
    scores = query @ key.transpose(-1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    seen = seen_by(query.shape[2], key.shape[2], **positions)
    if mask is not None and mask.dtype != torch.bool:
        scores = scores + mask.double()
        mask = mask > torch.finfo(mask.dtype).min
    if mask is not None:
        seen = seen & mask
    scores = scores.masked_fill(~seen, float("-inf"))
    sink = torch.full(scores.shape[:-1], float("-inf"), dtype=torch.float64)
    if sinks is not None:
        sink = sinks.double()[None, :, None].expand_as(sink)
    lse = torch.logsumexp(torch.cat([scores, sink[..., None]], dim=-1), dim=-1)
    weights = torch.exp(scores - torch.where(lse.isinf(), 0.0, lse)[..., None])
    return weights @ value, lse


def error(got, expected, value):
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    if not expected.numel():
        return 0.0
    difference = (got.double() - expected).abs().max().item()
    assert not math.isnan(difference)
    return difference / max(value.double().abs().max().item(), 1e-300)


def assert_near(got, expected, value):
    dtype = got.dtype
    found = error(got, expected, value)
    assert found <= TOLERANCE[dtype], f"{dtype}: off by {found:.2e} of the largest value, {TOLERANCE[dtype]:.1e} is allowed"
