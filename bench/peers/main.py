"""Runs the comparison: a process per number of threads, a line per case, notes, and a file of all numbers."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import cases
import table

PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX RT", "openvino": "OpenVINO", "ggml": "ggml"}
# What holds peers back to AVX2; ONNX Runtime has no such switch.
AVX2_ONLY = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2",
             "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def arguments():
    parser = argparse.ArgumentParser(prog="bench/peers/run")
    parser.add_argument("--short", action="store_true", help="nine shapes: about two minutes")
    parser.add_argument("--plots", action="store_true", help="the shapes that bench/peers/plot draws, one thread")
    parser.add_argument("--set", default="", metavar="NAME", help="another set of shapes: " + ", ".join(cases.SETS) + "; or all of them: every")
    parser.add_argument("--most", choices=["avx2", "widest"], default="widest",
                        help="the widest instruction set allowed, for peers too")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, such as 1 or 1,2")
    parser.add_argument("--only", default="", help="cases whose name has this in it, such as 'decode bf16'")
    everyone = "torch,onnxruntime,openvino" + (",ggml" if "CRESTMAX_GGML" in os.environ else "")
    parser.add_argument("--peers", default=everyone, help="which ones")
    parser.add_argument("--seconds", type=float, help="that a case is raced for at least")
    parser.add_argument("--library", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.set and args.set != "every" and args.set not in cases.SETS:
        parser.error(f"--set: expected every or one of {', '.join(cases.SETS)}, given {args.set}")
    return args


def chosen_cases(args):
    if args.set == "every":
        found = cases.every_case()
    else:
        found = cases.SETS[args.set or ("short" if args.short else "plots" if args.plots else "usual")]()
    return [case for case in found if args.only in case.name]


def start(args, chosen, threads):
    """The process for one number of threads."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    settings = {"cores": cores, "library": str(args.library), "most": args.most, "peers": args.peers.split(","),
                "cases": [asdict(case) for case in chosen], "rounds": 2 if args.short or args.plots else 3,
                "seconds": args.seconds or (1.0 if args.short or args.plots or args.set else 3.0)}
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS="1")
    if args.most == "avx2":
        environment.update(AVX2_ONLY)
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), json.dumps(settings)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def describe(setup, args, threads):
    ceilings = setup["ceilings"]
    print(f"\n{setup['processor']}, {threads} thread(s): at most {ceilings['fma']:.0f} GFLOP/s of fp32 multiply-adds, "
          f"{ceilings['bf16']:.0f} in bf16, {ceilings['read']:.1f} GB/s of reading, measured now")
    if threads == 2:
        print(f"probe: multiply-adds on both cores at once reach {2 * setup['share_now']:.2f} times those of one")
    if not table.is_quiet([setup["share_now"]]):
        print("the machine was disturbed while ceilings were measured: shares may be too high")
    print(", ".join(f"{name} {version}" for name, version in setup["versions"].items()))
    for name, reason in setup["absent"].items():
        print(f"absent: {PEERS.get(name, name)}: {reason}")
    if args.most == "avx2":
        print("held to AVX2; ONNX Runtime cannot be held and may use more")


def run_threads(args, chosen, threads, lines):
    """Runs the cases with so many threads, prints as it goes; returns what the process said of the machine."""
    process = start(args, chosen, threads)
    setup = None
    for text in process.stdout:
        if not text.startswith("{"):
            continue
        line = json.loads(text)
        if setup is None:
            setup = line
            describe(setup, args, threads)
            peers = list(setup["versions"])
            print(table.header(peers))
            continue
        case = cases.Case(**line["case"])
        line["threads"] = threads
        standing = table.judge(case, line, setup["ceilings"])
        if not any(shown["threads"] == threads for _, shown, _ in lines):
            print(f"crestmax runs on {line['instruction_set']}")
        lines.append((case, line, standing))
        print(table.row(case, line, standing, peers), flush=True)
    if process.wait() != 0:
        sys.exit(f"the process with {threads} thread(s) stopped early")
    return setup


def main():
    args = arguments()
    chosen = chosen_cases(args)
    counts = [int(count) for count in ("1" if args.plots else args.threads).split(",")]
    possible = len(os.sched_getaffinity(0))
    lines, setups = [], {}
    for threads in counts:
        if threads > possible:
            print(f"\n{threads} threads: not on this machine, it has {possible} core(s)")
            continue
        setups[threads] = run_threads(args, chosen, threads, lines)
    print()
    for note in table.notes(lines):
        print(note)
    results = args.folder / ("plots.json" if args.plots else "results.json")
    results.write_text(json.dumps({
        "most": args.most, "machines": setups,
        "cases": [dict(line, name=case.name, standing=standing) for case, line, standing in lines]}, indent=1))
    print(f"\nnumbers: {os.path.relpath(results)}")


if __name__ == "__main__":
    main()
