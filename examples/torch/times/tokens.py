"""Milliseconds per token of SmolLM2-135M under eager, SDPA and crestmax, beside an empty and a long cache: in one process, in turn."""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

import crestmax_torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import smollm  # noqa: E402

IMPLEMENTATIONS = ("eager", "sdpa", "crestmax")
ROUNDS = 9
STEPS = 2


@dataclass(frozen=True)
class Work:
    """`count` tokens, `length` at a time, behind `depth` others."""

    count: int
    length: int
    depth: int
    cache: str = "DynamicCache"
    rounds: int = ROUNDS

    @property
    def name(self):
        return f"{'decode' if self.length == 1 else f'prompt of {self.length}'} behind {self.depth} {self.cache}"


def decode(depth, cache="DynamicCache"):
    return Work(STEPS, 1, depth, cache)


def prompt(length, depth=0):
    return Work(length, length, depth, rounds=ROUNDS if length < 1024 else 3)


WORKS = (decode(16), decode(1024), decode(4096), decode(7680), decode(16, "StaticCache"), decode(4096, "StaticCache"),
         prompt(256), prompt(1024), prompt(4096), prompt(256, depth=4096))


def history(model, depth):
    """Keys and values of so many tokens for every layer, random numbers."""
    config = model.config
    shape = (1, config.num_key_value_heads, depth, config.head_dim)
    return [tuple(torch.randn(shape).to(model.dtype) for _ in range(2)) for _ in range(config.num_hidden_layers)]


def filled(work, model, layers):
    """A cache of its own that holds them."""
    cache = (transformers.DynamicCache(config=model.config) if work.cache == "DynamicCache" else
             transformers.StaticCache(config=model.config, max_cache_len=work.depth + work.count))
    if work.depth > 0:
        for layer, (keys, values) in enumerate(layers):
            cache.update(keys, values, layer)
    return cache


def seconds_per_token(model, cache, tokens, work):
    start = time.perf_counter()
    for i in range(0, work.count, work.length):
        positions = torch.arange(work.depth + i, work.depth + i + work.length)[None]
        model(tokens[:, i:i + work.length], position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1)
    return (time.perf_counter() - start) / work.count


def race(model, tokens, work):
    """{implementation: median seconds per token}, each from a cache of its own, another one first each time."""
    layers = history(model, work.depth)
    taken = {name: [] for name in IMPLEMENTATIONS}
    warm_up = 0 if work.count >= 1024 else 1
    for i in range(warm_up + work.rounds):
        for name in IMPLEMENTATIONS[i % 3:] + IMPLEMENTATIONS[:i % 3]:
            model.set_attn_implementation(name)
            seconds = seconds_per_token(model, filled(work, model, layers), tokens, work)
            if i >= warm_up:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def line(work, found):
    times = "".join(f"{found[name] * 1e3:10.3f}" for name in IMPLEMENTATIONS)
    ratios = ", ".join(f"{found[name] / found['crestmax']:.2f}" for name in IMPLEMENTATIONS[:2])
    return f"  {work.name:40} {times}    {ratios}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--only", default="", help="lines whose name has this in it")
    args = parser.parse_args()
    crestmax_torch.register()
    chosen = [work for work in WORKS if args.only in work.name]
    print("\n== SmolLM2-135M: milliseconds per token, and how many times those of crestmax eager's and SDPA's are", flush=True)
    tokens = smollm.read(max((work.count for work in chosen), default=1))
    for dtype in args.dtypes.split(","):
        model = smollm.load("crestmax", getattr(torch, dtype))
        for threads in (int(count) for count in args.threads.split(",")):
            torch.set_num_threads(threads)
            print(f"{f'{dtype}, {threads} thread(s)':42} " + "".join(f"{name:>10}" for name in IMPLEMENTATIONS) + "    ratios")
            for work in chosen:
                with torch.inference_mode():
                    print(line(work, race(model, tokens, work)), flush=True)


if __name__ == "__main__":
    main()
