"""Draws speed over n and over kv_len from the numbers of `bench/peers/run --plots`."""

import json
import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "crestmax", "font.family": "sans-serif",
                            "font.size": 10})
from matplotlib import pyplot  # noqa: E402  after the choice of what draws

import cases  # noqa: E402
import table  # noqa: E402

COLOURS = {"crestmax": "#d55e00", "PyTorch": "#0072b2", "ONNX RT": "#009e73", "OpenVINO": "#cc79a7", "ggml": "#e69f00"}


def lines_of(numbers):
    """[(case, {name: speed}, ceiling)]."""
    ceilings = numbers["machines"]["1"]["ceilings"]
    found = []
    for line in numbers["cases"]:
        case = cases.Case(**line["case"])
        speeds = {result["name"]: table.speed(case, result) for result in line["results"]}
        found.append((case, speeds, case.ceiling(ceilings)))
    return found


def panel(axes, lines, title, ceiling_name):
    """One panel: a line per participant over kv_len."""
    lines = sorted(lines, key=lambda line: line[0].kv_len)
    lengths = [case.kv_len for case, _, _ in lines]
    axes.plot(lengths, [ceiling for _, _, ceiling in lines], "--", color="grey", linewidth=1, label=ceiling_name)
    for name, colour in COLOURS.items():
        points = [(case.kv_len, speeds[name]) for case, speeds, _ in lines if speeds.get(name)]
        if points:
            ours = name == "crestmax"
            axes.plot(*zip(*points), marker="o", markersize=4, color=colour, label=name, linewidth=2.5 if ours else 1.3,
                      zorder=3 if ours else 2)
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, [f"{length // 1024}k" if length >= 1024 else str(length) for length in lengths])
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)


def draw(path, lines, panels, what, unit, length, processor, ceiling_name):
    """One file: `panels` is [(title, which cases)]."""
    size = (4 * len(panels), 3.6)
    figure, all_axes = pyplot.subplots(1, len(panels), figsize=size, layout="constrained")
    for axes, (title, chosen) in zip(all_axes, panels):
        panel(axes, [line for line in lines if chosen(line[0])], title, ceiling_name)
        axes.set_xlabel(length)
        axes.set_ylim(bottom=0)  # each its own: tiles may have fifteen times the ceiling of fp32
    all_axes[0].set_ylabel(unit)
    handles = {label: handle for axes in all_axes for handle, label in zip(*axes.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(f"{what}; {processor}, one core", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    print(f"{os.path.relpath(path)}: {path.stat().st_size // 1024} KB")


def main():
    numbers, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    lines = lines_of(numbers)
    setup = numbers["machines"]["1"]
    processor = f"{setup['processor']}, {numbers['cases'][0]['instruction_set']}"
    disturbed = [line for line in numbers["cases"] if not table.is_quiet(line["share_now"])]
    if len(disturbed) > len(lines) / 4:  # such a picture is no result, and says so
        processor += ", while others were running"
    draw(folder / "prefill.svg", lines,
         [(f"{kind}, {'causal' if causal else 'full'}",
           lambda case, of=(kind, causal): case.phase == "prefill" and (case.kind, case.causal) == of)
          for kind, causal in (("fp32", False), ("fp32", True), ("bf16", False), ("bf16", True))],
         "Prefill, 8 heads of 128", "GFLOP/s", "n", processor, "multiply-adds of the type")
    draw(folder / "decode.svg", lines,
         [(kind, lambda case, kind=kind: case.phase == "decode" and case.kind == kind) for kind in cases.KINDS],
         "Decode, 32 query heads on 8 key-value heads of 128", "GB/s of keys and values", "kv_len", processor,
         "lower of reading and multiply-adds")


if __name__ == "__main__":
    main()
