"""llama-bench without and with flash attention of ggml's, and with crestmax's, as one table. Called by run."""
import argparse
import csv
import io
import os
import subprocess
import sys


def measure(options, way, threads, cache, depth):
    """Tokens per second of a prompt of 512 and of 32 single tokens, behind `depth` others."""
    environment = {k: v for k, v in os.environ.items() if k != "GGML_BACKEND_PATH"}
    if way == "crestmax":
        environment["GGML_BACKEND_PATH"] = os.path.abspath(options.backend)
    command = [f"{options.llama}/bin/llama-bench", "-m", options.model, "-t", str(threads), "-fa", "0" if way == "off" else "1",
               "-ctk", cache, "-ctv", cache, "-p", "512", "-n", "32", "-d", str(depth), "-r", str(options.repetitions), "-o", "csv"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    rows = list(csv.DictReader(io.StringIO(done.stdout[done.stdout.index("build_commit"):])))
    return {"pp512" if int(r["n_prompt"]) > 0 else "tg32": float(r["avg_ts"]) for r in rows}


def main():
    parser = argparse.ArgumentParser()
    for name in ("llama", "backend", "model"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--repetitions", type=int, default=2)
    options = parser.parse_args()
    caches = ["f16"] if options.short else ["f16", "bf16"]
    depths = [0, 4096] if options.short else [0, 4096, 7680]
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    ways = ["off", "on", "crestmax"]
    cases = [(t, c, d) for t in threads for c in caches for d in depths]
    print("llama-bench, tokens per second; off and on: without and with ggml's own flash attention\n")
    print("| threads | cache | depth | pp512 off | on | crestmax | ratio to the better | tg32 off | on | crestmax | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for number, (t, c, d) in enumerate(cases):
        speeds = []
        for way in ways:
            print(f"  case {number + 1} of {len(cases)}: {t} threads, {c}, depth {d}, {way} ...", file=sys.stderr, flush=True)
            speeds.append(measure(options, way, t, c, d))
        cells = [str(t), c, str(d)]
        for work in ("pp512", "tg32"):
            off, on, ours = (s[work] for s in speeds)
            cells += [f"{off:.1f}", f"{on:.1f}", f"**{ours:.1f}**", f"{ours / max(off, on):.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
