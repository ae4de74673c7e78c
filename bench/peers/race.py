"""Times all participants on one case, again and again in turn, so that what disturbs the machine disturbs all."""

import os
import statistics
import time

PAUSE = 0.01  # seconds before a turn, in which the threads of whoever ran before fall asleep
TURN = 0.08  # seconds that a turn takes at least
LONG = 0.2  # seconds of a call that needs no second try to be compared with other ways of calling


def seconds_of(run, copy):
    begin = time.perf_counter()
    run(copy)
    return time.perf_counter() - begin


def error_of_call(run, output, work, copy):
    """Of one more call, which finds nothing of those before it in its output."""
    work.blank(output())
    run(copy)
    return work.error(output())


class Runner:
    """One participant on one case: its fastest way of calling that gives the right answer, with its first call, once
    it has been chosen by its speed, and after the race.

    The calling thread may use `cores`. Peers start threads of their own, which inherit that."""

    def __init__(self, participant, work, cores, refused=()):
        self.name = participant.name
        self.work = work
        self.cores = cores
        os.sched_setaffinity(0, cores)
        self.run, self.label, self.error = None, "", None
        self.output = None  # kept: what run() writes to lives as long as it
        self.trouble = []  # why ways do not run
        self.wrong = list(refused)  # ways whose results are wrong
        self.copy = 0
        self.turns = []  # (fastest, median) seconds of a call in each turn
        fastest = float("inf")
        for label, prepare in participant.ways(work):
            if any(label == wrong["way"] for wrong in refused):
                continue
            try:
                run, output = prepare()
                seconds = seconds_of(run, 0)
                error = work.error(output())
                if seconds < min(LONG, 4 * fastest):
                    for copy in range(work.copies):  # a first call may prepare; and copy 0 leaves the caches
                        run(copy)
                    seconds = min(self.seconds_of_turn(run))
                    error = max(error, error_of_call(run, output, work, work.copies - 1))
                if not work.is_right(error):
                    self.wrong.append({"way": label, "error": error, "seconds": seconds})
                    continue
            except Exception as problem:  # whatever a peer raises means that it does not run this case
                self.trouble.append(f"{label}: {reason_of(problem)}")
                continue
            if seconds < fastest:
                fastest, self.run, self.label, self.error, self.output = seconds, run, label, error, output

    def judge_last(self):
        """False if the way is wrong by now: it may have done its work in the first calls only."""
        if not self.run:
            return True
        error = error_of_call(self.run, self.output, self.work, self.copy)
        if self.work.is_right(error):
            self.error = max(self.error, error)
            return True
        self.wrong.append({"way": self.label, "error": error, "seconds": min((best for best, _ in self.turns), default=seconds_of(self.run, 0))})
        return False

    def seconds_of_turn(self, run):
        """Of its calls, the first of them to wake threads and warm caches left out."""
        taken = []
        begin = time.perf_counter()
        while not taken or time.perf_counter() - begin < TURN:
            self.copy = (self.copy + 1) % self.work.copies
            taken.append(seconds_of(run, self.copy))
        return taken[1:] if len(taken) > 2 else taken

    def take_turn(self):
        """Keeps and returns the fastest call of a turn, and the median one."""
        os.sched_setaffinity(0, self.cores)
        time.sleep(PAUSE)
        taken = self.seconds_of_turn(self.run)
        self.turns.append((min(taken), statistics.median(taken)))
        return self.turns[-1]


def reason_of(problem):
    """What an exception says, in a line: places in a peer's source are left out."""
    lines = [line.strip() for line in str(problem).splitlines()]
    said = [line for line in lines if line and not line.startswith("Exception from")] or [type(problem).__name__]
    return said[0].rpartition(" : ")[2][:160]


def run_race(participants, work, cores, seconds, least_rounds, refused=None):
    """Results per participant: {"name", "way", "error", "trouble", "best", "median", "ratio", "ratio_of_fastest"}.

    participants[0] is ours: it runs after each peer, and is compared with that peer by these turns alone. Ratios are
    of speeds, ours over the peer's: "ratio" is the median of the ratios of such pairs of turns. `cores`: numbers of the
    cores to run on, one per thread. A way that turns out to be wrong in the end is refused, and the race run again."""
    refused = refused or {}
    runners = [Runner(participant, work, cores[:1] if participant.keeps_threads else cores, refused.get(participant.name, ()))
               for participant in participants]
    ours, peers = runners[0], [runner for runner in runners[1:] if runner.run]
    beside = {peer.name: [] for peer in peers}
    end = time.perf_counter() + seconds
    rounds = 0
    if ours.run:
        while rounds < least_rounds or time.perf_counter() < end:
            for peer in peers:
                peer.take_turn()
                beside[peer.name].append(ours.take_turn())
            if not peers:
                ours.take_turn()
            rounds += 1
    late = {runner.name: runner.wrong for runner in runners if not runner.judge_last()}
    if late:
        return run_race(participants, work, cores, seconds, least_rounds, {**refused, **late})
    results = []
    for runner in runners:
        result = {"name": runner.name, "way": runner.label, "error": runner.error,
                  "trouble": runner.trouble, "wrong": runner.wrong}
        if runner.turns:
            result["best"] = min(best for best, _ in runner.turns)
            result["median"] = statistics.median(median for _, median in runner.turns)
        if runner.turns and runner is not ours:
            mine = beside[runner.name]
            result["ratio_of_fastest"] = result["best"] / min(best for best, _ in mine)
            result["ratio"] = statistics.median(
                theirs[1] / own[1] for theirs, own in zip(runner.turns, mine))
        results.append(result)
    return results
