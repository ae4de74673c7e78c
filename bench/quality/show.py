"""A table and a picture of what bench/quality/run has measured."""

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "crestmax", "font.family": "sans-serif", "font.size": 10})
from matplotlib import pyplot  # noqa: E402  after the choice of what draws

FAMILIES = {"16 bit": ("float16", "bfloat16"), "ggml's": ("q", "iq"), "a byte, by row": ("int8", "uint8"), "4 bit, by row": ("uint4",),
            "fp8": ("float8",), "keys by channel": ("keys",)}
COLOURS = {"16 bit": "#000000", "ggml's": "#e69f00", "a byte, by row": "#0072b2", "4 bit, by row": "#56b4e9", "fp8": "#cc79a7",
           "keys by channel": "#d55e00"}
SHORT = {"keys uint8 by channel of 64 keys, values by row": "K8 by channel, V8", "keys uint4 by channel of 64 keys, values uint8 by row": "K4 by channel, V8",
         "keys uint4 by channel of 64 keys, values by row": "K4 by channel, V4", "keys uint4 by channel of 64 keys, values by 32": "K4 by channel, V4 by 32",
         "int8, a scale for each row": "int8", "uint8, scale and offset for each row": "uint8", "uint4, for each row": "uint4",
         "q8_0 keys, q4_0 values": "K q8_0, V q4_0"}
# Where labels stand beside their points; what lies among others of its family has none.
PLACES = {"bfloat16": (-44, -3), "q8_0": (5, 4), "q5_1": (5, -3), "q5_0": (5, -3), "q4_1": (5, -3), "q4_0": (-24, 5), "iq4_nl": (-28, -7),
          "K q8_0, V q4_0": (5, 2), "int8": (-20, -3), "uint8": (5, -3), "uint4": (-26, -2), "e4m3": (6, -1), "e5m2": (5, -3),
          "int8/head": (-42, -5), "K8 by channel, V8": (5, -8), "K4 by channel, V8": (5, -8), "K4 by channel, V4": (-8, -12)}


def short(store):
    return SHORT.get(store, store.replace("float8_", "").replace(", for each row", "").replace(", for each ", "/").replace(", for the tensor", "/tensor"))


def family_of(store):
    return next(name for name, starts in FAMILIES.items() if store.startswith(starts))


def lines_in(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()] if Path(path).exists() else []


def summaries(lines):
    """{store: what it is over the captures that every store holds}."""
    by_store = defaultdict(dict)
    for line in lines:
        by_store[line["store"]][line["capture"]] = line
    common = set.intersection(*(set(found) for found in by_store.values()))
    summary = {}
    for store, found in by_store.items():
        chosen = [found[capture] for capture in sorted(common)]
        summary[store] = {"bits": statistics.median(line["bits"] for line in chosen), "median": statistics.median(line["median"] for line in chosen),
                          "p99": statistics.median(line["p99"] for line in chosen), "worst": max(line["worst"] for line in chosen)}
    return summary, len(common)


def print_table(summary, captures):
    print(f"relative error of a row of output, over {captures} captures: the middle one's median and 99th percentile, the worst row of all\n")
    print("| keys and values | bits a number | median | 99th percentile | worst |")
    print("|---|---|---|---|---|")
    for store, of in summary.items():
        print(f"| {store} | {of['bits']:.2f} | {of['median']:.2%} | {of['p99']:.2%} | {of['worst']:.1%} |")


def draw_errors(axes, summary):
    summary = {store: of for store, of in summary.items() if of["median"] > 1e-5}  # captures of float16 lose nothing in float16
    for family, colour in COLOURS.items():
        points = [(of["bits"], of["median"], of["p99"], store) for store, of in summary.items() if family_of(store) == family]
        if not points:
            continue
        bits, medians, p99, names = zip(*points)
        axes.scatter(bits, medians, color=colour, s=28, label=family, zorder=3)
        axes.scatter(bits, p99, facecolors="none", edgecolors=colour, s=28, zorder=3)
        for x, low, high, name in points:
            axes.plot([x, x], [low, high], color=colour, linewidth=0.7, alpha=0.5)
            if short(name) in PLACES:
                axes.annotate(short(name), (x, low), textcoords="offset points", xytext=PLACES[short(name)], fontsize=7)
    axes.set_yscale("log")
    axes.set_xscale("log", base=2)
    axes.set_xlim(3.7, 18)
    axes.set_xticks([4, 5, 6, 8, 16], [4, 5, 6, 8, 16])
    axes.set_xlabel("bits a number, scales among them")
    axes.set_ylabel("relative error of a row of output")
    axes.set_title("Captures: median (full), 99th percentile (open)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def draw_perplexities(axes, lines):
    base = next(line for line in lines if line["cache"] == "f16")
    for way, colour, marker in (("ggml", "#e69f00", "s"), ("crestmax", "#d55e00", "o")):
        points = [(line["bits"], 100 * (line[way] / base[way] - 1), line["cache"]) for line in lines]
        axes.scatter([x for x, _, _ in points], [y for _, y, _ in points], color=colour, marker=marker, s=28, label=way, zorder=3)
        if way == "crestmax":
            for x, y, name in points:
                axes.annotate(name, (x, y), textcoords="offset points", xytext=(5, 3), fontsize=8)
    axes.set_xlabel("bits a number")
    axes.set_ylabel("% more perplexity than with float16")
    axes.set_title(f"SmolLM2-135M, {lines[0]['tokens']} tokens, llama.cpp's caches", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def main():
    summary, captures = summaries(lines_in(sys.argv[1]))
    print_table(summary, captures)
    perplexities = lines_in(sys.argv[3])
    figure, axes = pyplot.subplots(1, 2 if perplexities else 1, figsize=(12 if perplexities else 7, 4.6), layout="constrained", squeeze=False)
    draw_errors(axes[0][0], summary)
    if perplexities:
        draw_perplexities(axes[0][1], perplexities)
    figure.savefig(sys.argv[2], metadata={"Date": None})
    print(f"\n{sys.argv[2]}: {Path(sys.argv[2]).stat().st_size // 1024} KB")


main()
