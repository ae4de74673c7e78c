"""PyTorch's own samples for scaled_dot_product_attention, and what its own tests vary beyond them."""

import itertools

import oracle
import pytest
import torch
from torch.testing._internal import common_methods_invocations

from crestmax_torch import scaled_dot_product_attention

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
GENERATORS = [common_methods_invocations.sample_inputs_scaled_dot_product_attention]
# Of PyTorch's kernel for CPUs; not in every version.
OF_THE_KERNEL = "sample_inputs_scaled_dot_product_flash_attention_for_cpu"
if hasattr(common_methods_invocations, OF_THE_KERNEL):
    GENERATORS.append(getattr(common_methods_invocations, OF_THE_KERNEL))


def in_float64(sample):
    """The sample by PyTorch's plain kernel in float64."""
    tensors = [tensor.double() for tensor in (sample.input, *sample.args)]
    options = {name: option.double() if isinstance(option, torch.Tensor) and option.dtype != torch.bool else option
               for name, option in sample.kwargs.items()}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return torch.nn.functional.scaled_dot_product_attention(*tensors, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("generator", GENERATORS)
def test_all_samples_without_dropout_are_near_float64(generator, dtype):
    samples = list(generator(None, "cpu", dtype, requires_grad=False))
    asked = [sample for sample in samples if sample.kwargs["dropout_p"] == 0.0]
    assert len(asked) >= len(samples) // 2 > 0
    for sample in asked:
        got = scaled_dot_product_attention(sample.input, *sample.args, **sample.kwargs)
        assert got.dtype == dtype
        oracle.assert_near(got, in_float64(sample), sample.args[1])


@pytest.mark.parametrize("generator", GENERATORS)
def test_samples_with_dropout_are_refused_by_name(generator):
    for sample in generator(None, "cpu", torch.float32, requires_grad=False):
        if sample.kwargs["dropout_p"] != 0.0:
            with pytest.raises(ValueError, match="dropout_p"):
                scaled_dot_product_attention(sample.input, *sample.args, **sample.kwargs)


SHAPES = list(itertools.product((2,), (3,), (1, 37, 130), (1, 64, 300), (16, 72, 128), (16, 40)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("is_causal", [False, True])
def test_a_grid_of_shapes_is_near_float64(is_causal, dtype):
    for batch, heads, q_len, kv_len, d_qk, d_v in SHAPES:
        query = torch.randn(batch, heads, q_len, d_qk, dtype=dtype)
        key = torch.randn(batch, heads, kv_len, d_qk, dtype=dtype)
        value = torch.randn(batch, heads, kv_len, d_v, dtype=dtype)
        expected, _ = oracle.attention(query, key, value, causal=int(is_causal))
        oracle.assert_near(scaled_dot_product_attention(query, key, value, is_causal=is_causal), expected, value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 33, 65), (2, 1, 33, 65), (2, 4, 33, 65), (33, 65), (65,), (2, 1, 1, 65), (4, 33, 1)])
@pytest.mark.parametrize("kind", ["bool", "number", "-inf", "lowest"])
def test_masks_of_every_kind_and_broadcast_are_near_float64(kind, shape, dtype):
    query, key, value = (torch.randn(2, 4, length, 64, dtype=dtype) for length in (33, 65, 65))
    hidden = torch.rand(shape) < 0.4
    mask = ~hidden if kind == "bool" else torch.randn(shape, dtype=dtype)
    if kind in ("-inf", "lowest"):
        mask = mask.masked_fill(hidden, float("-inf") if kind == "-inf" else torch.finfo(dtype).min)
    expected, _ = oracle.attention(query, key, value, mask)
    oracle.assert_near(scaled_dot_product_attention(query, key, value, attn_mask=mask), expected, value)


def test_leading_axes_broadcast_as_in_pytorch():
    query, key, value = torch.randn(3, 1, 4, 5, 16), torch.randn(2, 4, 7, 16), torch.randn(1, 1, 4, 7, 16)
    mask = torch.rand(3, 2, 1, 5, 7) < 0.7
    expected = torch.nn.functional.scaled_dot_product_attention(query.expand(3, 2, 4, 5, 16), key.expand(3, 2, 4, 7, 16),
                                                                value.expand(3, 2, 4, 7, 16), attn_mask=mask)
    oracle.assert_near(scaled_dot_product_attention(query, key, value, attn_mask=mask), expected.double(), value)


def test_gradients_are_refused_instead_of_lost():
    query = torch.randn(1, 1, 2, 8, requires_grad=True)
    with torch.enable_grad(), pytest.raises(NotImplementedError, match="no gradients"):
        scaled_dot_product_attention(query, query, query)
