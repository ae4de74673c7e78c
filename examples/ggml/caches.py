"""Perplexities by type of cache, lines of JSON of cache_text, as a table. Called by run."""
import json
import pathlib
import sys


def main():
    lines = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    base = {way: next(line[way] for line in lines if line["cache"] == "f16") for way in ("ggml", "crestmax")}
    print(f"perplexity of {lines[0]['tokens']} tokens with weights of float32, and how much more than with a float16 cache:\n")
    print("| cache | bits a number | ggml | crestmax | ggml, more | crestmax, more |")
    print("|---|---|---|---|---|---|")
    for line in lines:
        more = [f"{line[way] / base[way] - 1:+.3%}" for way in ("ggml", "crestmax")]
        print(f"| {line['cache']} | {line['bits']:g} | {line['ggml']:.4f} | {line['crestmax']:.4f} | {more[0]} | {more[1]} |")


main()
