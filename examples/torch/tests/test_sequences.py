"""Packed sequences and paged caches."""

import oracle
import pytest
import torch

ops = torch.ops.crestmax
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
Q_LENGTHS = [5, 1, 0, 33, 64]
KV_LENGTHS = [9, 70, 4, 33, 20]


def offsets(lengths):
    return torch.tensor([0, *torch.tensor(lengths).cumsum(0)], dtype=torch.int32)


def sequence_by_sequence(query, keys, values, **settings):
    """query (total, heads, d); keys and values per sequence (len, heads, d): the definition of each, packed again."""
    outputs, row_sums, begin = [], [], 0
    for q_len, key, value in zip(Q_LENGTHS, keys, values):
        one = [tensor.transpose(0, 1)[None] for tensor in (query[begin:begin + q_len], key, value)]
        output, lse = oracle.attention(*one, **settings)
        outputs.append(output[0].transpose(0, 1))
        row_sums.append(lse[0])
        begin += q_len
    return torch.cat(outputs), torch.cat(row_sums, dim=1)


SETTINGS = [{}, {"causal": 1}, {"causal": 2}, {"causal": 2, "window_left": 7}, {"window_left": 3, "window_right": 2},
            {"causal": 2, "softcap": 3.0, "scale": 0.3}]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_packed_sequences_are_attended_one_by_one(settings, dtype):
    query = torch.randn(sum(Q_LENGTHS), 6, 64, dtype=dtype)
    keys, values = ([torch.randn(length, 2, d, dtype=dtype) for length in KV_LENGTHS] for d in (64, 48))
    expected, expected_lse = sequence_by_sequence(query, keys, values, **settings)
    given = query, torch.cat(keys), torch.cat(values), offsets(Q_LENGTHS), offsets(KV_LENGTHS)
    output, lse = ops.attention_varlen_with_lse(*given, **settings)
    oracle.assert_near(output, expected, given[2])
    torch.testing.assert_close(lse.double(), expected_lse, rtol=1e-4, atol=2e-2)
    assert torch.equal(output, ops.attention_varlen(*given, **settings))


def paged(keys, page_size, dtype):
    """(pages, page_size, heads, d) in a shuffled order with NaN where nothing is, and the block table."""
    counts = [-(-len(key) // page_size) for key in keys]
    order = torch.randperm(sum(counts) + 3)[:sum(counts)].tolist()
    cache = torch.full((sum(counts) + 3, page_size, *keys[0].shape[1:]), float("nan"), dtype=dtype)
    table = torch.full((len(keys), max(counts) + 1), -1, dtype=torch.int32)
    for sequence, key in enumerate(keys):
        for page, rows in enumerate(key.split(page_size)):
            table[sequence, page] = order.pop()
            cache[table[sequence, page], :len(rows)] = rows
    return cache, table


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("page_size", [1, 16, 100])
@pytest.mark.parametrize("settings", SETTINGS)
def test_paged_caches_are_read_through_their_table(settings, page_size, dtype):
    query = torch.randn(sum(Q_LENGTHS), 6, 64, dtype=dtype)
    keys = [torch.randn(length, 2, 64, dtype=dtype) for length in KV_LENGTHS]
    expected, _ = sequence_by_sequence(query, keys, keys, **settings)
    cache, table = paged(keys, page_size, dtype)
    output = ops.attention_paged(query, cache, cache, table, torch.tensor(KV_LENGTHS, dtype=torch.int32), offsets(Q_LENGTHS), **settings)
    oracle.assert_near(output, expected, torch.cat(keys))


def test_paged_decode_needs_no_offsets():
    query = torch.randn(len(KV_LENGTHS), 6, 64)
    keys = [torch.randn(length, 2, 64) for length in KV_LENGTHS]
    cache, table = paged(keys, 16, torch.float32)
    given = query, cache, cache, table, torch.tensor(KV_LENGTHS, dtype=torch.int32)
    output, lse = ops.attention_paged_with_lse(*given, causal=2, sinks=torch.randn(6))
    with_offsets = ops.attention_paged_with_lse(*given, offsets([1] * len(KV_LENGTHS)), causal=2, sinks=torch.zeros(6))
    assert output.shape == with_offsets[0].shape == query.shape and lse.shape == with_offsets[1].shape == (6, len(KV_LENGTHS))
    output, lse = ops.attention_paged_with_lse(*given, causal=2, sinks=torch.zeros(6))
    assert torch.equal(output, with_offsets[0]) and torch.equal(lse, with_offsets[1])
