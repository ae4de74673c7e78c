"""Prints what bench/peers/run measured as the table of a page: a row per shape, a column per type of keys and values.

    python3 bench/peers/page.py results.json [results.json ...]

A cell is our speed, and how many times as fast as the best peer that is (the ratio that decides).
"""

import json
import sys

from cases import ENCODINGS, KINDS, Case

SHORT = {"PyTorch": "P", "ONNX RT": "X", "OpenVINO": "V", "ggml": "G"}


def shape_of(case):
    """A case's name without its types."""
    return " ".join(word for word in case.name.split() if word not in (*KINDS, *ENCODINGS))


def cell(case, standing):
    if not standing.get("ratio"):
        return standing["verdict"]
    ratio = f"{standing['ratio']:.2f} {SHORT[standing['peer']]}"
    return f"{standing['ours']:.1f}, {ratio if standing['ratio'] >= standing['bar'] else f'**{ratio}**'}"


def rows_of(lines):
    """{shape: (unit, {cache_kind: cell})}, in the order in which they were measured."""
    rows = {}
    for line in lines:
        case = Case(**line["case"])
        rows.setdefault(shape_of(case), (case.unit, {}))[1][case.cache_kind] = cell(case, line["standing"])
    return rows


def main():
    lines = [line for path in sys.argv[1:] for line in json.load(open(path))["cases"]]
    rows = rows_of(lines)
    columns = [kind for kind in (*KINDS, *ENCODINGS) if any(kind in cells for _, cells in rows.values())]
    print("| shape | unit | " + " | ".join(columns) + " |\n" + "|---" * (2 + len(columns)) + "|")
    for shape, (unit, cells) in rows.items():
        print(f"| {shape} | {unit} | " + " | ".join(cells.get(kind, "") for kind in columns) + " |")
    ratios = [line["standing"]["ratio"] for line in lines if line["standing"].get("ratio")]
    behind = sum(ratio < 1 for ratio in ratios)
    print(f"\n{len(ratios)} cases: ahead in {len(ratios) - behind}, at least 1.05 in {sum(ratio >= 1.05 for ratio in ratios)}")


if __name__ == "__main__":
    main()
