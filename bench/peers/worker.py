"""One process of the comparison: fixed threads on fixed cores. Writes a line of JSON for the machine and for each case.

main.py starts it, so that cores and threads are set before any library loads.
"""

import json
import os
import sys
import time

import table

LONGEST_WAIT = 60  # seconds in a whole run that are spent waiting for an undisturbed machine


class Probe:
    """Measures the ceilings, says how much of them the cores give just now, and waits for all of it for a while.

    1.0: all of it; 0.5: two virtual cores share a real one."""

    def __init__(self, library, cores):
        self.library, self.cores = library, cores
        self.patience = LONGEST_WAIT
        self.ceilings = {}
        while True:
            for name, speed in library.ceilings().items():
                self.ceilings[name] = max(speed, self.ceilings.get(name, 0))
            self.share_at_start = self.share()
            if self.share_at_start >= table.UNDISTURBED or self.patience <= 0:
                break
            self.patience -= 10

    def share(self):
        speed = self.library.multiply_adds_now()
        os.sched_setaffinity(0, self.cores)
        return speed / (self.ceilings["widest_fma_one_core"] * len(self.cores))

    def wait(self):
        share = self.share()
        while share < table.UNDISTURBED and self.patience > 0:
            time.sleep(2)
            self.patience -= 2
            share = self.share()
        return share


def load_peers(names, threads):
    """The peers, and why others are absent: {name: reason}."""
    peers, absent = [], {}
    for name in names:
        try:
            if name == "torch":
                from torch_peer import Torch as peer
            elif name == "onnxruntime":
                from onnx_peer import OnnxRuntime as peer
            elif name == "openvino":
                from openvino_peer import OpenVino as peer
            elif name == "ggml":
                from ggml_peer import Ggml as peer
            else:
                raise ValueError("no such peer: torch, onnxruntime, openvino, ggml")
            peers.append(peer(threads))
        except Exception as problem:
            absent[name] = f"{type(problem).__name__}: {problem}".splitlines()[0]
    return peers, absent


def main(settings):
    cores = settings["cores"]
    os.sched_setaffinity(0, cores)
    import cases
    from ours import Library, Ours
    from race import run_race
    from work import Work

    def tell(**line):
        print(json.dumps(line), flush=True)

    library = Library(settings["library"], len(cores), settings["most"])
    probe = Probe(library, cores)
    share = probe.wait()
    ceilings = library.ceilings()
    os.sched_setaffinity(0, cores)
    peers, absent = load_peers(settings["peers"], len(cores))
    tell(processor=library.processor, last_level_cache=library.last_level_cache, ceilings=probe.ceilings,
         share_now=probe.share_at_start, versions={peer.name: peer.version for peer in peers}, absent=absent)
    ours = Ours(library)
    for case in (cases.Case(**case) for case in settings["cases"]):
        work = Work(case, library)
        before = probe.wait()
        results = run_race([ours] + [peer for peer in peers if case.encoding in peer.encodings], work, cores, settings["seconds"], settings["rounds"])
        tell(case=vars(case), instruction_set=ours.instruction_set, share_now=[before, probe.share()], results=results)
        del work


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
