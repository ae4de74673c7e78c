"""Times torch.ops.crestmax.attention beside PyTorch's scaled_dot_product_attention, at the shapes of bench/peers and at one so small
that only what a call costs by itself is left. Both in one process, in turn; medians of pairs."""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import scaled_dot_product_attention

import crestmax_torch  # noqa: F401

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import cases  # noqa: E402

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
attention = torch.ops.crestmax.attention
PAIRS = 9
TURN = 0.03  # seconds that a turn takes at least
DECODE_BYTES = 1 << 30  # of all copies of a cache that decoding calls read in turn: more than fits a processor's caches
SMALL_CALLS = 2000


def seconds_of(run, copies):
    """Of one call: the median of a turn's, of which the first wakes the threads."""
    run(0)
    taken, end = [], time.perf_counter() + TURN
    while not taken or time.perf_counter() < end:
        begin = time.perf_counter()
        run(len(taken) % copies)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def pairs_of(ours, theirs, copies, pairs=PAIRS):
    """[(our seconds, their seconds)], who begins in turn."""
    found = []
    for i in range(pairs):
        first, second = (ours, theirs) if i % 2 == 0 else (theirs, ours)
        one, other = seconds_of(first, copies), seconds_of(second, copies)
        found.append((one, other) if i % 2 == 0 else (other, one))
    return found


def ways_of_sdpa(case, query, keys, values):
    """bench/peers' ways of calling it."""
    if case.group == 1:
        return [lambda i: scaled_dot_product_attention(query, keys[i], values[i], is_causal=case.causal)]
    folded = query.view(1, case.kv_heads, case.group, case.head_dim)
    return [lambda i: scaled_dot_product_attention(folded, keys[i], values[i]),
            lambda i: scaled_dot_product_attention(query, keys[i], values[i], enable_gqa=True)]


def race(case):
    """The pairs of one case, SDPA by its faster way."""
    dtype = DTYPES[case.kind]
    query = torch.randn(1, case.q_heads, case.q_len, case.head_dim).to(dtype)
    copies = max(1, DECODE_BYTES // case.kv_bytes) if case.phase == "decode" else 1
    keys, values = ([torch.randn(1, case.kv_heads, case.kv_len, case.head_dim).to(dtype)] for _ in range(2))
    for tensors in (keys, values):
        tensors.extend(tensors[0].clone() for _ in range(copies - 1))
    causal = 1 if case.causal else 0
    theirs = min(ways_of_sdpa(case, query, keys, values), key=lambda way: seconds_of(way, copies))
    return pairs_of(lambda i: attention(query, keys[i], values[i], causal=causal), theirs, copies)


def race_cases(chosen, threads):
    torch.set_num_threads(threads)
    print(f"\n{threads} thread(s)    {'shape':34} {'crestmax':>11} {'SDPA':>11}   SDPA over crestmax")
    slower = []
    for case in chosen:
        pairs = race(case)
        ours, theirs = (statistics.median(column) for column in zip(*pairs))
        ratio = statistics.median(their / our for our, their in pairs)
        print(f"               {case.name:34} {ours * 1e3:8.3f} ms {theirs * 1e3:8.3f} ms   {ratio:.2f}", flush=True)
        if ratio < 1:
            slower.append(case.name)
    print(f"{threads} thread(s): crestmax is no slower at {len(chosen) - len(slower)} of {len(chosen)} shapes"
          + (f"; slower at {', '.join(slower)}" if slower else ""))


def microseconds_of(calls):
    """Medians of many short turns, of each call by name."""
    taken = {name: [] for name in calls}
    for _ in range(3 * PAIRS):
        for name, call in calls.items():
            begin = time.perf_counter()
            for _ in range(SMALL_CALLS):
                call()
            taken[name].append((time.perf_counter() - begin) / SMALL_CALLS * 1e6)
    return {name: statistics.median(values) for name, values in taken.items()}


def own_cost():
    """What a call costs that has next to nothing to compute, and how much of it is not attention: time over heads is a line, whose
    slope is what one head takes."""
    torch.set_num_threads(1)
    few, many = 1, 9
    tensors = {heads: tuple(torch.randn(1, heads, length, 64) for length in (1, 16, 16)) for heads in (few, many)}
    add = torch.ops.aten.add
    print("what a call costs: q_len 1, kv_len 16, d 64, fp32, one thread; microseconds, and times those of torch.ops.aten.add(query, query)")
    found = microseconds_of({
        "aten::add": lambda: add(tensors[few][0], tensors[few][0]),
        "crestmax, one head": lambda: attention(*tensors[few]), "crestmax, many": lambda: attention(*tensors[many]),
        "SDPA, one head": lambda: scaled_dot_product_attention(*tensors[few]), "SDPA, many": lambda: scaled_dot_product_attention(*tensors[many])})
    base = found["aten::add"]
    print(f"               {'aten::add':34} {base:6.2f}")
    for name in ("crestmax", "SDPA"):
        one, all_of_them = found[f"{name}, one head"], found[f"{name}, many"]
        head = (all_of_them - one) / (many - few)
        print(f"               {name + ', one head':34} {one:6.2f}   {one / base:.2f} times")
        print(f"               {'  of which a head takes':34} {head:6.2f}")
        print(f"               {'  and the call by itself':34} {one - head:6.2f}   {(one - head) / base:.2f} times", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    args = parser.parse_args()
    chosen = [case for case in cases.usual_cases() if args.only in case.name]
    with torch.inference_mode():
        own_cost()
        for threads in (int(count) for count in args.threads.split(",")):
            race_cases(chosen, threads)


if __name__ == "__main__":
    main()
