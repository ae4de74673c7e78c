"""torch.compile and the dispatcher's own checks."""

import architectures
import oracle
import pytest
import torch
import transformers

import crestmax_torch

ops = torch.ops.crestmax
crestmax_torch.register()


def batched():
    return torch.randn(2, 6, 9, 32), torch.randn(2, 2, 20, 32), torch.randn(2, 2, 20, 24)


def packed():
    offsets = torch.tensor([0, 4, 11], dtype=torch.int32)
    return torch.randn(11, 6, 32), torch.randn(11, 2, 32), torch.randn(11, 2, 24), offsets, offsets


def paged():
    table = torch.tensor([[0, 1], [2, 3]], dtype=torch.int32)
    return torch.randn(2, 6, 32), torch.randn(4, 8, 2, 32), torch.randn(4, 8, 2, 24), table, torch.tensor([10, 16], dtype=torch.int32)


OPERATORS = [("attention", batched), ("attention_varlen", packed), ("attention_paged", paged)]
VARIANTS = [(f"{name}{variant}", given) for name, given in OPERATORS for variant in ("", "_with_lse")]


@pytest.mark.parametrize("name, given", VARIANTS)
def test_the_fake_kernel_has_the_results_shapes_and_strides(name, given):
    torch.library.opcheck(getattr(ops, name).default, given(), {"causal": 2, "scale": 0.2},
                          test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"))


@pytest.mark.parametrize("name, given", VARIANTS)
def test_meta_tensors_are_shapes_alone(name, given):
    arguments = given()
    got = getattr(ops, name)(*(tensor.to("meta") for tensor in arguments))
    expected = getattr(ops, name)(*arguments)
    for one, other in zip(*((pair if isinstance(pair, tuple) else (pair,)) for pair in (got, expected))):
        assert (one.shape, one.stride(), one.dtype) == (other.shape, other.stride(), other.dtype)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_compiled_function_is_one_graph_with_the_same_result(backend):
    query, key, value = batched()

    def attend(query, key, value, mask):
        return ops.attention(query * 2, key, value, mask, causal=2, softcap=5.0).relu()

    mask = torch.randn(9, 20)
    compiled = torch.compile(attend, fullgraph=True, backend=backend)
    oracle.assert_near(compiled(query, key, value, mask), attend(query, key, value, mask).double(), value)


@pytest.mark.parametrize("name", ["llama", "mistral", "gpt-oss"])
def test_a_compiled_model_decodes_as_without(name):
    given = torch.randint(3, 200, (2, 24))
    logits = {}
    for compiled in (False, True):
        model = architectures.decoder(name, "crestmax")
        cache = transformers.StaticCache(config=model.config, max_cache_len=40)
        first = model(given[:, :20], cache=cache, use_cache=True).logits
        step = torch.compile(model, backend="aot_eager", fullgraph=name != "gpt-oss") if compiled else model
        positions = [torch.tensor([[i], [i]]) for i in range(20, 24)]
        steps = [step(given[:, i:i + 1], position_ids=at, cache=cache, use_cache=True).logits for i, at in zip(range(20, 24), positions)]
        logits[compiled] = torch.cat([first, *steps], dim=1)
    assert (logits[True] - logits[False]).abs().max() <= 1e-4 * logits[False].abs().max()
