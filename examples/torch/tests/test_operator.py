"""The operators beside attention's definition in float64."""

import oracle
import pytest
import torch

ops = torch.ops.crestmax
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def tensors(q_len=37, kv_len=150, q_heads=6, kv_heads=2, d_qk=64, d_v=64, batch=2, dtype=torch.float32):
    return (torch.randn(batch, q_heads, q_len, d_qk, dtype=dtype), torch.randn(batch, kv_heads, kv_len, d_qk, dtype=dtype),
            torch.randn(batch, kv_heads, kv_len, d_v, dtype=dtype))


def assert_as_defined(query, key, value, mask=None, **settings):
    expected, expected_lse = oracle.attention(query, key, value, mask, **settings)
    output, lse = ops.attention_with_lse(query, key, value, mask, **settings)
    oracle.assert_near(output, expected, value)
    assert torch.equal(output, ops.attention(query, key, value, mask, **settings))
    assert torch.equal(lse.isinf(), expected_lse.isinf())
    finite = ~expected_lse.isinf()
    torch.testing.assert_close(lse[finite].double(), expected_lse[finite], rtol=1e-5, atol=2e-2 if query.dtype == torch.bfloat16 else 2e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("q_heads, kv_heads", [(1, 1), (6, 6), (6, 2), (8, 1)])
def test_query_heads_share_heads_of_keys(q_heads, kv_heads, dtype):
    assert_as_defined(*tensors(q_heads=q_heads, kv_heads=kv_heads, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [1, 2])
@pytest.mark.parametrize("q_len, kv_len", [(1, 1), (1, 90), (50, 50), (20, 90), (90, 20)])
def test_causality_is_aligned_either_way(q_len, kv_len, causal, dtype):
    assert_as_defined(*tensors(q_len, kv_len, dtype=dtype), causal=causal)


@pytest.mark.parametrize("causal", [0, 1, 2])
@pytest.mark.parametrize("left, right", [(0, 0), (5, -1), (-1, 5), (16, 3), (1000, 1000), (2**62, 2**62)])
@pytest.mark.parametrize("q_len, kv_len", [(1, 90), (50, 50), (20, 90), (90, 20)])
def test_windows_limit_both_sides(q_len, kv_len, left, right, causal):
    assert_as_defined(*tensors(q_len, kv_len), causal=causal, window_left=left, window_right=right)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_are_capped_before_the_mask_is_added(dtype):
    assert_as_defined(*tensors(dtype=dtype), torch.randn(6, 37, 150, dtype=dtype), softcap=2.5)


@pytest.mark.parametrize("sink_dtype", DTYPES)
def test_sinks_take_weight_and_have_no_value(sink_dtype):
    assert_as_defined(*tensors(), sinks=torch.randn(12, dtype=sink_dtype)[::2] * 3, causal=2)


def test_the_scale_may_be_any():
    assert_as_defined(*tensors(), scale=0.5)
    assert_as_defined(*tensors(), scale=-0.25)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_may_be_narrower_or_wider_than_keys(dtype):
    assert_as_defined(*tensors(d_qk=192, d_v=128, dtype=dtype), causal=2)
    assert_as_defined(*tensors(d_qk=40, d_v=72, dtype=dtype), causal=2)


def test_masks_of_float32_serve_every_dtype():
    for dtype in DTYPES:
        assert_as_defined(*tensors(dtype=dtype), torch.randn(2, 1, 37, 150))


def test_rows_that_see_no_key_are_zero_with_an_lse_of_minus_infinity():
    query, key, value = tensors(q_len=8, kv_len=4)
    output, lse = ops.attention_with_lse(query, key, value, causal=2)
    assert torch.equal(output[:, :, :4], torch.zeros(2, 6, 4, 64)) and bool((lse[:, :, :4] == float("-inf")).all())
    assert_as_defined(query, key, value, torch.zeros(8, 4, dtype=torch.bool))


def test_no_keys_at_all_give_zero():
    query, key, value = tensors(kv_len=0)
    output, lse = ops.attention_with_lse(query, key, value)
    assert torch.equal(output, torch.zeros(2, 6, 37, 64)) and bool((lse == float("-inf")).all())


@pytest.mark.parametrize("sizes", [{"batch": 0}, {"q_len": 0}, {"q_heads": 0}, {"d_v": 0}])
def test_empty_tensors_give_empty_tensors(sizes):
    query, key, value = tensors(**sizes)
    output, lse = ops.attention_with_lse(query, key, value)
    assert output.shape == (*query.shape[:3], value.shape[3]) and lse.shape == query.shape[:3]


def strided(tensor, kind):
    """The same numbers in memory of another order."""
    if kind == "token-major":
        return tensor.transpose(1, 2).contiguous().transpose(1, 2)
    if kind == "columns":
        return tensor.transpose(2, 3).contiguous().transpose(2, 3)
    if kind == "every other":
        return torch.stack([tensor, torch.full_like(tensor, float("nan"))], dim=-1)[..., 0]
    if kind == "slice":
        return torch.nn.functional.pad(tensor, (3, 5, 2, 2, 1, 1), value=float("nan"))[:, 1:-1, 2:-2, 3:-5]
    return tensor


@pytest.mark.parametrize("kind", ["token-major", "columns", "every other", "slice"])
def test_strides_may_be_any(kind):
    query, key, value = tensors()
    expected = ops.attention(query, key, value, causal=2)
    assert torch.equal(ops.attention(*(strided(tensor, kind) for tensor in (query, key, value)), causal=2), expected)
    mask = torch.rand(2, 6, 37, 150) < 0.6
    assert torch.equal(ops.attention(query, key, value, strided(mask.float(), kind) == 1), ops.attention(query, key, value, mask))
    added = torch.randn(2, 6, 37, 150)
    assert torch.equal(ops.attention(query, key, value, strided(added, kind)), ops.attention(query, key, value, added))


def test_expanded_tensors_are_read_in_place():
    query, key, value = tensors(batch=1)
    got = ops.attention(query.expand(3, -1, -1, -1), key.expand(3, -1, -1, -1), value.expand(3, -1, -1, -1))
    assert torch.equal(got, ops.attention(query, key, value).expand(3, -1, -1, -1))


def test_results_lie_token_by_token():
    query, key, value = tensors()
    assert ops.attention(query, key, value).transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads):
    before = torch.get_num_threads()
    cases = [tensors(q_len=200, kv_len=400), tensors(q_len=1, kv_len=5000, batch=1)]
    expected = [ops.attention(*case, causal=2) for case in cases]
    try:
        torch.set_num_threads(threads)
        assert all(torch.equal(ops.attention(*case, causal=2), one) for case, one in zip(cases, expected))
    finally:
        torch.set_num_threads(before)


def test_inputs_are_not_written():
    given = tensors()
    copies = [tensor.clone() for tensor in given]
    ops.attention(*given, causal=2)
    assert all(torch.equal(*pair) for pair in zip(given, copies))


def test_shapes_that_take_turns_have_their_own_plans():
    cases = [tensors(q_len=1, kv_len=kv_len) for kv_len in range(20, 35)]
    first = [ops.attention(*case) for case in cases]
    for case, one in zip(cases * 2, first * 2):
        assert torch.equal(ops.attention(*case), one)
    for scale in (0.1, None, 0.2, None):
        oracle.assert_near(ops.attention(*cases[0], scale=scale), oracle.attention(*cases[0], scale=scale)[0], cases[0][2])


def test_operators_may_be_called_from_several_python_threads():
    from concurrent.futures import ThreadPoolExecutor
    cases = [tensors(q_len=1 + index % 3, kv_len=40 + index) for index in range(40)]
    expected = [ops.attention(*case) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(*pair) for pair in zip(pool.map(lambda case: ops.attention(*case), cases), expected))
