"""Keys and values of int8 and fp8 with scales, beside the numbers that they stand for."""

import oracle
import pytest
import torch

ops = torch.ops.crestmax
CODES = [torch.int8, torch.float8_e4m3fn, torch.float8_e5m2]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def codes(shape, dtype):
    """Codes of all sizes: no NaN, no infinities."""
    if dtype == torch.int8:
        return torch.randint(-128, 128, shape).to(dtype)
    return (torch.randn(shape) * 20).to(dtype)


def numbers(codes, scale=None, axis=1):
    """What codes (..., d) stand for in float32; axis: that of heads."""
    scale = torch.ones(()) if scale is None else scale.float()
    if scale.dim() == 1 and scale.numel() > 1:
        scale = scale.reshape([-1 if i == axis else 1 for i in range(codes.dim() - 1)])
    return codes.float() * (scale[..., None] if scale.dim() else scale)


def scale_of(shape, dtype=torch.float32):
    return None if shape is None else (torch.rand(shape) * 0.02 + 0.01).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shapes", [((), (2,)), ((1,), (3, 2, 70)), ((3, 2, 70), ()), ((1, 2, 70), (3, 1, 1)), (None, None)])
def test_a_batch_of_codes_is_that_of_its_numbers(shapes, code, dtype):
    query = torch.randn(3, 6, 9, 40, dtype=dtype) / 4
    key, value = codes((3, 2, 70, 40), code), codes((3, 2, 70, 24), code)
    if shapes[0] is None:  # without scales codes are numbers: large ones
        query = query / 30
    k_scale, v_scale = (scale_of(shape) for shape in shapes)
    expected, expected_lse = oracle.attention(query, numbers(key, k_scale), numbers(value, v_scale), causal=2)
    output, lse = ops.attention_with_lse(query, key, value, causal=2, k_scale=k_scale, v_scale=v_scale)
    assert output.dtype == dtype
    oracle.assert_near(output, expected, numbers(value, v_scale))
    torch.testing.assert_close(lse.double(), expected_lse, rtol=1e-4, atol=2e-2)
    assert torch.equal(output, ops.attention(query, key, value, causal=2, k_scale=k_scale, v_scale=v_scale))


@pytest.mark.parametrize("scale_type", [torch.float32, torch.float16, torch.bfloat16])
def test_scales_are_of_any_16_bits_and_strides(scale_type):
    query, key, value = torch.randn(2, 4, 1, 64), codes((2, 2, 300, 64), torch.int8), codes((2, 2, 300, 64), torch.float8_e4m3fn)
    k_scale = scale_of((300, 2, 2), scale_type).permute(1, 2, 0)
    v_scale = scale_of((4, 2), scale_type)[::2].reshape(2, 2)[:, :1].reshape(2)
    expected, _ = oracle.attention(query, numbers(key, k_scale), numbers(value, v_scale))
    oracle.assert_near(ops.attention(query, key, value, k_scale=k_scale, v_scale=v_scale), expected, numbers(value, v_scale))


def test_keys_and_values_may_differ_and_one_be_numbers():
    query = torch.randn(1, 4, 3, 64, dtype=torch.bfloat16)
    coded, plain = codes((1, 2, 90, 64), torch.int8), torch.randn(1, 2, 90, 64, dtype=torch.bfloat16)
    scale = scale_of((2,))
    oracle.assert_near(ops.attention(query, coded, plain, k_scale=scale), oracle.attention(query, numbers(coded, scale), plain)[0], plain)
    oracle.assert_near(ops.attention(query, plain, coded, v_scale=scale), oracle.attention(query, plain, numbers(coded, scale))[0],
                       numbers(coded, scale))


def offsets(lengths):
    return torch.tensor([0, *torch.tensor(lengths).cumsum(0)], dtype=torch.int32)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(), (2,), (111, 2), (111, 1)])
def test_packed_codes_are_those_of_their_numbers(shape, code):
    lengths = [40, 71]
    query, key, value = torch.randn(111, 4, 32), codes((111, 2, 32), code), codes((111, 2, 32), code)
    scale = scale_of(shape)
    given = offsets(lengths), offsets(lengths)
    got = ops.attention_varlen(query, key, value, *given, causal=2, k_scale=scale, v_scale=scale)
    expected = ops.attention_varlen(query, numbers(key, scale), numbers(value, scale), *given, causal=2)
    oracle.assert_near(got, expected.double(), numbers(value, scale))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(), (2,), (7, 16, 2), (7, 1, 2)])
@pytest.mark.parametrize("query_type", [torch.float32, torch.bfloat16])
def test_paged_codes_are_those_of_their_numbers(query_type, shape, code):
    table = torch.tensor([[3, 1, -1], [0, 6, 5]], dtype=torch.int32)
    lengths = torch.tensor([20, 44], dtype=torch.int32)
    query, key, value = torch.randn(2, 4, 64, dtype=query_type), codes((7, 16, 2, 64), code), codes((7, 16, 2, 64), code)
    scale = scale_of(shape)
    got = ops.attention_paged(query, key, value, table, lengths, causal=2, k_scale=scale, v_scale=scale)
    for sequence, length in enumerate(lengths.tolist()):
        rows = [numbers(cache, scale, axis=2)[table[sequence]].flatten(0, 1)[:length].transpose(0, 1)[None] for cache in (key, value)]
        expected, _ = oracle.attention(query[sequence:sequence + 1].transpose(0, 1)[None], *rows)
        oracle.assert_near(got[sequence], expected[0, :, 0], rows[1])


def good():
    return {"query": torch.randn(2, 4, 3, 16), "key": codes((2, 2, 5, 16), torch.int8), "value": codes((2, 2, 5, 8), torch.float8_e4m3fn),
            "k_scale": torch.ones(2), "v_scale": torch.ones(2, 2, 5)}


WRONG = [("k_scale", lambda t: torch.ones(3)), ("k_scale", lambda t: torch.ones(2, 2)), ("v_scale", lambda t: torch.ones(2, 2, 4)),
         ("k_scale", lambda t: torch.ones(2, dtype=torch.float64)), ("v_scale", lambda t: torch.ones(2, 2, 5).int()),
         ("k_scale", lambda t: torch.tensor([1.0, 0.0])), ("k_scale", lambda t: torch.tensor(-1.0)), ("v_scale", lambda t: torch.tensor(float("nan"))),
         ("v_scale", lambda t: torch.tensor([1.0, float("inf")])), ("k_scale", lambda t: t.to("meta")),
         ("key", lambda t: t.to(torch.uint8)), ("value", lambda t: t.to(torch.float32).half())]


@pytest.mark.parametrize("name, spoil", WRONG)
def test_wrong_scales_are_named(name, spoil):
    arguments = good()
    ops.attention(**arguments)
    arguments[name] = spoil(arguments[name])
    with pytest.raises((RuntimeError, ValueError), match=rf"\b{name}: expected"):
        ops.attention(**arguments)


def test_scales_of_numbers_are_refused():
    arguments = good()
    arguments["key"] = torch.randn(2, 2, 5, 16)
    with pytest.raises(RuntimeError, match=r"k_scale: expected none for key"):
        ops.attention(**arguments)


@pytest.mark.parametrize("code", CODES)
def test_the_fake_kernel_takes_codes(code):
    given = torch.randn(2, 6, 9, 32), codes((2, 2, 20, 32), code), codes((2, 2, 20, 24), code)
    torch.library.opcheck(ops.attention_with_lse.default, given, {"causal": 2, "k_scale": torch.ones(2), "v_scale": torch.ones(())},
                          test_utils=("test_schema", "test_faketensor") if code == torch.int8 else "test_faketensor")  # PyTorch's own multiplies no fp8
