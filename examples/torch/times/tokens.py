"""Milliseconds per token of SmolLM2-135M under eager, SDPA and crestmax, beside an empty and a long cache: in one process, in turn."""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers

import crestmax_torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import smollm  # noqa: E402

IMPLEMENTATIONS = ("eager", "sdpa", "crestmax")
DEPTHS = (16, 4096)
PROMPT = 256
ROUNDS = 9
STEPS = 2


def filled(kind, model, depth, room):
    """A cache that holds so many tokens, of random numbers."""
    config = model.config
    cache = transformers.DynamicCache(config=config) if kind == "DynamicCache" else transformers.StaticCache(config=config, max_cache_len=depth + room)
    shape = (1, config.num_key_value_heads, depth, config.head_dim)
    for layer in range(config.num_hidden_layers):
        cache.update(torch.randn(shape).to(model.dtype), torch.randn(shape).to(model.dtype), layer)
    return cache


def seconds_per_token(model, cache, tokens, begin, length):
    """Of `tokens` read in parts of a length, behind `begin` tokens of a cache."""
    start = time.perf_counter()
    for i in range(0, tokens.shape[1], length):
        positions = torch.arange(begin + i, begin + i + length)[None]
        model(tokens[:, i:i + length], position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1)
    return (time.perf_counter() - start) / tokens.shape[1]


def race(model, cache_kind, depth, tokens, length):
    """{implementation: median seconds per token}, each from a cache of its own."""
    taken = {name: [] for name in IMPLEMENTATIONS}
    rounds = ROUNDS if length == 1 else 3
    for i in range(rounds + 1):
        for name in IMPLEMENTATIONS:
            model.set_attn_implementation(name)
            cache = filled(cache_kind, model, depth, tokens.shape[1])
            seconds = seconds_per_token(model, cache, tokens, depth, length)
            if i > 0:  # the first one warms up
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def line(what, cache_kind, depth, found):
    times = "".join(f"{found[name] * 1e3:10.2f}" for name in IMPLEMENTATIONS)
    ratios = ", ".join(f"{found[name] / found['crestmax']:.2f}" for name in IMPLEMENTATIONS[:2])
    return f"  {what:22} {cache_kind:13} behind {depth:5} {times}    {ratios}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--dtypes", default="float32,bfloat16")
    args = parser.parse_args()
    crestmax_torch.register()
    print("\n== SmolLM2-135M: milliseconds per token, and how many times those of crestmax eager's and SDPA's are", flush=True)
    tokens = smollm.read(PROMPT)
    for dtype in args.dtypes.split(","):
        model = smollm.load("crestmax", getattr(torch, dtype))
        for threads in (int(count) for count in args.threads.split(",")):
            torch.set_num_threads(threads)
            print(f"{dtype}, {threads} thread(s)" + " " * 28 + "".join(f"{name:>10}" for name in IMPLEMENTATIONS) + "    ratios")
            for cache_kind in ("DynamicCache", "StaticCache"):
                for depth in DEPTHS:
                    with torch.inference_mode():
                        print(line("decode", cache_kind, depth, race(model, cache_kind, depth, tokens[:, :STEPS], 1)), flush=True)
            for depth in DEPTHS:
                with torch.inference_mode():
                    print(line(f"prompt of {PROMPT}", "DynamicCache", depth, race(model, "DynamicCache", depth, tokens, PROMPT)), flush=True)


if __name__ == "__main__":
    main()
