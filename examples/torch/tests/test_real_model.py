"""A real model on real text: crestmax beside PyTorch's own attention, float32."""

import pytest
import smollm
import torch
import transformers

import crestmax_torch

COUNT = 1024


@pytest.fixture(scope="module")
def model():
    crestmax_torch.register()
    return smollm.load("crestmax")


@pytest.fixture(scope="module")
def logits(model):
    """The tokens, and (1, COUNT, vocabulary) of each implementation in float64."""
    tokens, found = smollm.read(COUNT), {}
    for attention in ("sdpa", "crestmax"):
        model.set_attn_implementation(attention)
        with torch.no_grad():
            found[attention] = model(tokens).logits.double()
    return tokens, found


def perplexity(tokens, logits):
    return torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:]).exp().item()


def test_perplexity_is_that_of_sdpa(logits, capsys):
    tokens, found = logits
    ours, theirs = (perplexity(tokens, found[name]) for name in ("crestmax", "sdpa"))
    with capsys.disabled():
        print(f"\nSmolLM2-135M, {COUNT} tokens, float32: perplexity {ours:.6f}, by SDPA {theirs:.6f}; "
              f"logits at most {(found['crestmax'] - found['sdpa']).abs().max():.1e} apart")
    assert 1 < theirs < 100
    assert abs(ours - theirs) <= 1e-4


def test_the_likeliest_token_is_that_of_sdpa_where_two_are_not_alike(logits):
    _, found = logits
    best = found["sdpa"][0].topk(2).values
    clear = best[:, 0] - best[:, 1] > 1e-3
    assert clear.sum() > 0.95 * COUNT
    assert torch.equal(found["crestmax"][0].argmax(-1)[clear], found["sdpa"][0].argmax(-1)[clear])


def test_decoding_finds_what_reading_found(model, logits):
    """The last tokens one by one, beside the whole text at once."""
    tokens, found = logits
    cache = transformers.DynamicCache(config=model.config)
    model(tokens[:, :-8], cache=cache, use_cache=True)
    steps = [model(token, cache=cache, use_cache=True).logits[0] for token in tokens[:, -8:].split(1, dim=1)]
    assert (torch.cat(steps).double() - found["crestmax"][0, -8:]).abs().max() < 2e-3
