"""What of bench/peers needs no peer: the judgement, the turns, and that every file compiles.

    python3 peers_test.py FOLDER      the folder is bench/peers
"""

import json
import os
import sys
import time
import unittest
from dataclasses import asdict
from pathlib import Path

FOLDER = Path(sys.argv.pop(1))
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

import cases  # noqa: E402
import race  # noqa: E402
import table  # noqa: E402


def result(name, best=None, ratio=None, wrong=()):
    found = {"name": name, "way": "a way", "error": 1e-7 if best else None, "trouble": [], "wrong": list(wrong)}
    if best:
        found.update(best=best, median=best)
    if ratio:
        found.update(ratio=ratio, ratio_of_fastest=ratio)
    return found


def judged(ratio, case=cases.prefill("fp32", 1024, 64, True), share=1.0, instruction_set="avx2"):
    line = {"instruction_set": instruction_set, "share_now": [share, share],
            "results": [result("crestmax", 1.0), result("Peer", ratio, ratio)]}
    return table.judge(case, line, {"fma": 100.0, "bf16": 200.0, "read": 20.0})


class Judgement(unittest.TestCase):
    def test_a_ratio_at_the_bar_is_met(self):
        self.assertEqual(judged(1.15)["verdict"], "met")

    def test_a_ratio_below_the_bar_is_missed(self):
        self.assertEqual(judged(1.14)["verdict"], "missed")

    def test_a_peer_that_is_faster_is_ahead(self):
        self.assertEqual(judged(0.99)["verdict"], "PEER AHEAD")

    def test_the_best_peer_decides(self):
        line = {"instruction_set": "avx2", "share_now": [1, 1],
                "results": [result("crestmax", 1.0), result("Slow", 9.0, 9.0), result("Fast", 0.5, 0.5)]}
        standing = table.judge(cases.decode("fp32", 4096), line, {"fma": 100.0, "bf16": 200.0, "read": 20.0})
        self.assertEqual((standing["peer"], standing["verdict"]), ("Fast", "PEER AHEAD"))

    def test_a_disturbed_case_is_marked(self):
        self.assertFalse(judged(1.5, share=0.5)["quiet"])
        self.assertTrue(judged(1.5, share=0.95)["quiet"])

    def test_a_wrong_peer_is_shown_as_wrong_and_does_not_count(self):
        case = cases.decode("fp16", 4096)
        line = {"instruction_set": "avx2", "share_now": [1, 1], "threads": 1,
                "results": [result("crestmax", 1.0), result("Peer", wrong=[{"way": "w", "error": 1, "seconds": 1e-9}])]}
        standing = table.judge(case, line, {"fma": 100.0, "bf16": 200.0, "read": 20.0})
        self.assertEqual(standing["verdict"], "no peer ran")
        self.assertIn("WRONG", table.row(case, line, standing, ["Peer"]))
        self.assertTrue(any("WRONG: Peer" in note for note in table.notes([(case, line, standing)])))

    def test_the_ceiling_of_decode_is_the_lower_of_two(self):
        case = cases.decode("fp16", 4096)  # 4 operations a byte
        self.assertEqual(case.ceiling({"fma": 100.0, "bf16": 200.0, "read": 20.0}), 20.0)
        self.assertEqual(case.ceiling({"fma": 60.0, "bf16": 60.0, "read": 20.0}), 15.0)


class Shapes(unittest.TestCase):
    def test_every_case_has_a_name_of_its_own(self):
        names = [case.name for case in cases.every_case()]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(max(map(len, names)), table.NAME)

    def test_there_are_at_least_150(self):
        self.assertGreaterEqual(len(cases.every_case()), 150)

    def test_a_case_survives_being_written_down(self):
        for case in cases.every_case():
            self.assertEqual(cases.Case(**json.loads(json.dumps(asdict(case)))), case)

    def test_a_ragged_batch_counts_the_keys_that_it_has(self):
        case = cases.decode("fp32", 100, 2, 1, 4, batch=2, lengths=(100, 20))
        self.assertEqual(case.kv_bytes, 2 * 120 * 4 * 4)
        self.assertEqual(case.flops, 4 * 2 * 120 * 4)

    def test_a_window_counts_the_pairs_in_it(self):
        case = cases.prefill("fp32", 5, 1, True, heads=1, window=2)
        self.assertEqual(case.flops, 4 * (1 + 2 + 2 + 2 + 2))

    def test_encoded_keys_count_the_bytes_that_they_have(self):
        case = cases.decode("fp32", 100, 2, 1, 64, encoding="q4_0")
        self.assertEqual(case.kv_bytes, 2 * 100 * 2 * 18)

    def test_encoded_caches_have_a_bar_of_their_own(self):
        self.assertTrue(all(case.encoding and case.bar("avx2") == 3 for case in cases.quantised_cases()))

    def test_a_quantised_case_survives_being_written_down(self):
        for case in cases.quantised_cases():
            self.assertEqual(cases.Case(**json.loads(json.dumps(asdict(case)))), case)

    def test_a_peer_has_to_be_passed_in_every_case(self):
        self.assertTrue(all(case.bar(name) >= cases.AHEAD for case in cases.every_case() for name in ("avx2", "amx")))


class Fake:
    """A participant whose calls do nothing; `error` is what its output errs by."""

    keeps_threads = False

    def __init__(self, name, *errors):
        self.name, self.errors = name, errors

    def ways(self, work):
        return [(f"way {i}", lambda error=error: (lambda copy: None, lambda: error))
                for i, error in enumerate(self.errors)]


class Idle(Fake):
    """A participant that writes an answer with its first calls, so many, and nothing with those behind them."""

    def __init__(self, name, calls):
        super().__init__(name)
        self.left, self.written = calls, FakeOutput()

    def ways(self, work):
        def run(copy):
            self.written.error = 0 if self.left > 0 else self.written.error
            self.left -= 1

        return [("way 0", lambda: (run, lambda: self.written))]


class Tiring(Fake):
    """A participant whose first way is the faster one, and wrong once a race has been run."""

    def __init__(self, name):
        super().__init__(name)
        self.prepared = 0

    def ways(self, work):
        def judged_twice():
            self.prepared += 1
            errors = iter([0, 0, 0, 0, 5] if self.prepared == 1 else [])
            return lambda: next(errors, 5)

        return [("way 0", lambda: (lambda copy: None, judged_twice())), ("way 1", lambda: (lambda copy: time.sleep(0.001), lambda: 0))]


class FakeOutput:
    error = 5


class FakeWork:
    copies = 3

    def blank(self, output):
        if isinstance(output, FakeOutput):
            output.error = 5

    def error(self, output):
        if isinstance(output, FakeOutput):
            return output.error
        if output is None:
            raise RuntimeError("no such kernel\nmore lines")
        return output

    def is_right(self, error):
        return error < 1


class Turns(unittest.TestCase):
    def setUp(self):
        cores = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cores)
        self.cores = sorted(cores)[:1]

    def run_race(self, *participants):
        return {found["name"]: found for found in race.run_race(participants, FakeWork(), self.cores, 0, 1)}

    def test_a_wrong_way_gets_no_time(self):
        found = self.run_race(Fake("ours", 0), Fake("peer", 5))["peer"]
        self.assertNotIn("best", found)
        self.assertEqual(found["wrong"][0]["error"], 5)

    def test_a_way_that_does_its_work_once_only_gets_no_time(self):
        found = self.run_race(Fake("ours", 0), Idle("peer", 1))["peer"]
        self.assertNotIn("best", found)
        self.assertEqual([wrong["error"] for wrong in found["wrong"]], [5])

    def test_a_way_that_is_wrong_by_the_end_of_a_race_makes_room_for_another(self):
        found = self.run_race(Fake("ours", 0), Tiring("peer"))["peer"]
        self.assertEqual((found["way"], [wrong["way"] for wrong in found["wrong"]]), ("way 1", ["way 0"]))
        self.assertIn("ratio", found)

    def test_a_way_that_does_its_work_with_every_call_gets_a_time(self):
        self.assertIn("ratio", self.run_race(Fake("ours", 0), Idle("peer", 10**9))["peer"])

    def test_a_way_that_raises_does_not_end_the_race(self):
        found = self.run_race(Fake("ours", 0), Fake("peer", None, 0))["peer"]
        self.assertEqual(found["way"], "way 1")
        self.assertEqual(found["trouble"], ["way 0: no such kernel"])
        self.assertIn("ratio", found)

    def test_without_peers_ours_still_runs(self):
        self.assertIn("best", self.run_race(Fake("ours", 0))["ours"])

    def test_when_ours_is_wrong_nobody_gets_a_time(self):
        found = self.run_race(Fake("ours", 5), Fake("peer", 0))
        self.assertFalse(any("best" in one for one in found.values()))


class Files(unittest.TestCase):
    def test_every_file_compiles(self):
        files = sorted(FOLDER.glob("*.py"))
        self.assertTrue(files)
        for path in files:
            compile(path.read_text(), str(path), "exec")


if __name__ == "__main__":
    unittest.main()
