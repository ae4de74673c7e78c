"""llama-bench without and with ggml's flash attention, and with crestmax's, as one table. Called by run; see its help.

Every run of llama-bench is kept in a file, so that the table can be measured in slices: what is there is not measured again, as long
as the libraries and the model are the same."""
import argparse
import csv
import hashlib
import io
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

WAYS = ("off", "on", "crestmax")
WORKS = ("pp512", "tg32")
FLOATS = ("f32", "f16", "bf16")
DISTURBED = 0.03  # of a run's own processor time, taken by other programs meanwhile: the run is done again, at most so often
ATTEMPTS = 3


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def busy_seconds():
    """Of all processors together, and of this program's children that have ended."""
    user, nice, system = map(int, pathlib.Path("/proc/stat").read_text().split()[1:4])
    children = os.times()
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), children.children_user + children.children_system


def ways_of(cache):
    """llama.cpp has quantised caches with flash attention only."""
    return WAYS if cache in FLOATS else WAYS[1:]


class Measurements:
    """Tokens per second of runs by name, in a file that belongs to what was measured."""

    def __init__(self, options):
        self.options = options
        self.file = pathlib.Path(options.kept)
        libraries = [options.backend, *sorted(map(str, pathlib.Path(options.llama, "bin").glob("lib*.so")))]
        digest = hashlib.sha256(f"{options.model} {os.path.getsize(options.model)} {processor()}".encode())
        for library in libraries:
            digest.update(pathlib.Path(library).read_bytes())
        self.kept = {"of": digest.hexdigest(), "runs": {}}
        if self.file.exists() and not options.again:
            kept = json.loads(self.file.read_text())
            if kept["of"] == self.kept["of"]:
                self.kept = kept

    def get(self, *run):
        return self.kept["runs"].get(" ".join(map(str, run)))

    def is_done(self, *run):
        found = self.get(*run)
        return bool(found) and (found["others"] <= DISTURBED or found["attempts"] >= ATTEMPTS)

    def take(self, number, way, cache, depth, threads):
        """A prompt of 512 and 32 single tokens, behind `depth` others. Those are read once, by the first number of threads, most of
        a run's time."""
        environment = {k: v for k, v in os.environ.items() if k != "GGML_BACKEND_PATH"}
        if way == "crestmax":
            environment["GGML_BACKEND_PATH"] = os.path.abspath(self.options.backend)
        command = [f"{self.options.llama}/bin/llama-bench", "-m", self.options.model, "-t", ",".join(map(str, threads)),
                   "-fa", "0" if way == "off" else "1", "-ctk", cache, "-ctv", cache, "-p", "512", "-n", "32", "-d", str(depth), "-r", "2", "-o", "csv"]
        began = busy_seconds()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        total, own = (after - before for before, after in zip(began, busy_seconds()))
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stderr}")
        rows = list(csv.DictReader(io.StringIO(done.stdout[done.stdout.index("build_commit"):])))
        speeds = {f'{WORKS[0] if int(r["n_prompt"]) > 0 else WORKS[1]} {r["n_threads"]}': float(r["avg_ts"]) for r in rows}
        before = self.get(number, way, cache, depth)
        speeds |= {"others": max(0.0, total / own - 1), "attempts": before["attempts"] + 1 if before else 1}
        if before is None or speeds["others"] < before["others"]:
            self.kept["runs"][" ".join(map(str, (number, way, cache, depth)))] = speeds
        else:
            before["attempts"] += 1
        self.file.write_text(json.dumps(self.kept))


def measure(found, cases, threads, rounds, minutes):
    """Round after round through all cases, the ways in turn, another one first each time. Returns how many runs are left to do."""
    runs = [(number, ways_of(case[0])[(i + number) % len(ways_of(case[0]))], *case)
            for number in range(rounds) for case in cases for i in range(len(ways_of(case[0])))]
    begin = time.monotonic()
    for i, run in enumerate(runs):
        while not found.is_done(*run):
            if minutes and time.monotonic() - begin > 60 * minutes:
                return sum(1 for later in runs[i:] if not found.is_done(*later))
            number, way, cache, depth = run
            print(f"  run {i + 1} of {len(runs)}: round {number + 1}, {cache} cache, depth {depth}, {way} ...", file=sys.stderr, flush=True)
            found.take(*run, threads)
    return 0


def cells_of(measured, work):
    """Of [{way: speeds} in each round]: the medians, and that of the rounds' ratios."""
    medians = {way: statistics.median(speeds[way][work] for speeds in measured) for way in measured[0]}
    ratio = statistics.median(speeds["crestmax"][work] / max(speeds[way][work] for way in speeds if way != "crestmax") for speeds in measured)
    off = f"{medians['off']:.1f}" if "off" in medians else ""
    return [off, f"{medians['on']:.1f}", f"**{medians['crestmax']:.1f}**", f"{ratio:.2f}"]


def print_table(found, cases, threads, rounds):
    of = f", medians of {rounds} rounds" if rounds > 1 else ""
    print(f"llama-bench on {processor()}: tokens per second{of}; off and on: without and with ggml's own flash")
    print("attention; ratio: crestmax's speed over that of the better of them in the same round\n")
    print("| threads | cache | depth | pp512 off | on | crestmax | ratio | tg32 off | on | crestmax | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for count in sorted(threads):
        for case in cases:
            measured = [{way: found.get(number, way, *case) for way in ways_of(case[0])} for number in range(rounds)]
            measured = [speeds for speeds in measured if all(speeds.values())]
            if measured:
                worst = max(speed["others"] for speeds in measured for speed in speeds.values())
                mark = f" (others took {worst:.0%})" if worst > DISTURBED else ""
                cells = [str(count) + mark, *map(str, case), *(cell for work in WORKS for cell in cells_of(measured, f"{work} {count}"))]
                print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    for name in ("llama", "backend", "model", "kept"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cache", action="append")
    options = parser.parse_args()
    caches = options.cache or (["f16"] if options.short else ["f16", "bf16", "q8_0"])
    depths = [0, 4096] if options.short else [0, 4096, 7680]
    threads = sorted({min(2, os.cpu_count() or 1), 1}, reverse=True)
    cases = [(c, d) for c in caches for d in depths]
    found = Measurements(options)
    left = measure(found, cases, threads, options.rounds, options.minutes)
    print_table(found, cases, threads, options.rounds)
    if left:
        print(f"\n{left} runs are left: the same command goes on with them")


if __name__ == "__main__":
    main()
