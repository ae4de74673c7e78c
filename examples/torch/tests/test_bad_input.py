"""What is wrong is an exception that names the argument."""

import pytest
import torch

ops = torch.ops.crestmax


def good():
    return {"query": torch.randn(2, 4, 3, 16), "key": torch.randn(2, 2, 5, 16), "value": torch.randn(2, 2, 5, 8), "mask": None}


BATCHED = [
    ("query", lambda t: t[0]), ("key", lambda t: t[None]), ("value", lambda t: t[0, 0]),
    ("key", lambda t: t[:1]), ("value", lambda t: t[:1]), ("key", lambda t: t[..., :8]),
    ("key", lambda t: torch.randn(2, 3, 5, 16)), ("value", lambda t: t[:, :1]), ("value", lambda t: t[:, :, :4]),
    ("query", lambda t: t.int()), ("query", lambda t: t.to(torch.complex64)), ("key", lambda t: t.half()),
    ("value", lambda t: t.double()), ("query", lambda t: t.to(torch.float8_e4m3fn)),
    ("key", lambda t: t.to("meta")), ("value", lambda t: t.to("meta")),
    ("mask", lambda t: torch.ones(3, 5).int()), ("mask", lambda t: torch.ones(3, 5).half()), ("mask", lambda t: torch.ones(3, 4)),
    ("mask", lambda t: torch.ones(2, 3, 3, 5)), ("mask", lambda t: torch.ones(1, 1, 1, 3, 5)), ("mask", lambda t: torch.ones(2, 5)),
    ("mask", lambda t: torch.ones(3, 5, device="meta")),
]


@pytest.mark.parametrize("name, spoil", BATCHED)
def test_a_wrong_tensor_is_named(name, spoil):
    arguments = good()
    ops.attention(**arguments)
    arguments[name] = spoil(arguments[name])
    with pytest.raises((RuntimeError, ValueError, NotImplementedError), match=rf"\b{name}: expected"):
        ops.attention(**arguments)


SETTINGS = [("causal", 3), ("causal", -1), ("window_left", -2), ("window_right", -5), ("softcap", -1.0), ("softcap", float("nan")),
            ("softcap", float("inf")), ("scale", float("inf")), ("scale", float("nan")), ("sinks", torch.zeros(3)),
            ("sinks", torch.zeros(4, dtype=torch.int32)), ("sinks", torch.zeros(1, 4)), ("sinks", torch.full((4,), float("inf")))]


@pytest.mark.parametrize("name, wrong", SETTINGS)
def test_a_wrong_setting_is_named(name, wrong):
    with pytest.raises(RuntimeError, match=rf"\b{name}|attention_sinks"):
        ops.attention(**good(), **{name: wrong})


def packed():
    return {"query": torch.randn(7, 4, 16), "key": torch.randn(9, 2, 16), "value": torch.randn(9, 2, 16),
            "cu_seqlens_q": torch.tensor([0, 3, 7], dtype=torch.int32), "cu_seqlens_k": torch.tensor([0, 4, 9], dtype=torch.int32)}


PACKED = [("query", lambda t: t[0]), ("key", lambda t: t[None]), ("value", lambda t: t[:8]), ("key", lambda t: t.bfloat16()),
          ("cu_seqlens_q", lambda t: t.long()), ("cu_seqlens_k", lambda t: t[None]), ("cu_seqlens_q", lambda t: t[:0]),
          ("cu_seqlens_q, entry 0", lambda t: t + 1), ("cu_seqlens_q, entry 2", lambda t: t - torch.tensor([0, 0, 5]).int()),
          ("cu_seqlens_k, entry 2", lambda t: t * 2), ("cu_seqlens_k", lambda t: torch.tensor([0, 9]).int()),
          ("cu_seqlens_q", lambda t: t.repeat_interleave(2)[::2])]


@pytest.mark.parametrize("name, spoil", PACKED)
def test_wrong_packed_sequences_are_named(name, spoil):
    arguments = packed()
    ops.attention_varlen(**arguments)
    key = name.partition(",")[0]
    arguments[key] = spoil(arguments[key])
    with pytest.raises(RuntimeError, match=rf"\b{name}: expected"):
        ops.attention_varlen(**arguments)


def paged():
    return {"query": torch.randn(2, 4, 16), "key_cache": torch.randn(6, 8, 2, 16), "value_cache": torch.randn(6, 8, 2, 16),
            "block_table": torch.tensor([[1, 2, -1], [5, 0, 3]], dtype=torch.int32), "cache_seqlens": torch.tensor([9, 24], dtype=torch.int32)}


PAGED = [("query", lambda t: t[:1]), ("key_cache", lambda t: t[0]), ("value_cache", lambda t: t[:5]), ("value_cache", lambda t: t[:, :4]),
         ("key_cache", lambda t: t.transpose(1, 3).contiguous().transpose(1, 3)), ("value_cache", lambda t: t.half()),
         ("block_table", lambda t: t.long()), ("block_table", lambda t: t[0]), ("block_table", lambda t: t.t().contiguous().t()),
         ("block_table", lambda t: t + 1), ("block_table", lambda t: -t), ("cache_seqlens", lambda t: t[:1]),
         ("cache_seqlens", lambda t: t.long()), ("cache_seqlens, entry 1", lambda t: t + 1), ("cache_seqlens, entry 0", lambda t: -t)]


@pytest.mark.parametrize("name, spoil", PAGED)
def test_a_wrong_paged_cache_is_named(name, spoil):
    arguments = paged()
    ops.attention_paged(**arguments)
    key = name.partition(",")[0]
    arguments[key] = spoil(arguments[key])
    with pytest.raises(RuntimeError, match=rf"\b{name}"):
        ops.attention_paged(**arguments)


def test_offsets_of_a_paged_cache_are_named():
    for wrong in (torch.tensor([0, 2]).int(), torch.tensor([0, 1, 3]).int()):
        with pytest.raises(RuntimeError, match=r"cu_seqlens_q"):
            ops.attention_paged(**paged(), cu_seqlens_q=wrong)


def test_other_layouts_are_refused():
    arguments = good()
    arguments["query"] = arguments["query"].to_sparse()
    with pytest.raises(NotImplementedError):
        ops.attention(**arguments)


def test_nothing_is_kept_of_a_call_that_failed():
    arguments = good()
    expected = ops.attention(**arguments)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            ops.attention(**{**arguments, "sinks": torch.full((4,), float("nan"))})
        assert torch.equal(ops.attention(**arguments), expected)
