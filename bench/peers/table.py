"""The table: a line per case as it comes, and what is to be said below."""

WIDTH = 10
NAME = 45
UNDISTURBED = 0.9  # of their multiply-adds: below, others use the cores, or two of them share a real one


def speed(case, result):
    """Work per second in units of 1e9, of the fastest call; None if it did not run."""
    return case.work / result["best"] * 1e-9 if result and "best" in result else None


def judge(case, line, ceilings):
    """Our standing in one case: speeds, shares, ratios to the best peer, and a verdict by the median of turns."""
    ours, peers = line["results"][0], [result for result in line["results"][1:] if "best" in result]
    limit = case.ceiling(ceilings)
    standing = {"ours": speed(case, ours), "share": None, "bar": case.bar(line["instruction_set"]), "peer": None}
    if standing["ours"]:
        standing["share"] = standing["ours"] / limit
    if not peers or not standing["ours"]:
        standing["verdict"] = "no peer ran" if standing["ours"] else "crestmax is WRONG"
        return standing
    best = min(peers, key=lambda result: result["ratio"])
    standing.update(peer=best["name"], way=best["way"], peer_speed=speed(case, best),
                    peer_share=speed(case, best) / limit, ratio=best["ratio"],
                    ratio_of_fastest=best["ratio_of_fastest"])
    if standing["ratio"] >= max(standing["bar"], 1):
        standing["verdict"] = "met"
    else:
        standing["verdict"] = "missed" if standing["ratio"] >= 1 else "PEER AHEAD"
    standing["quiet"] = is_quiet(line["share_now"])
    return standing


def is_quiet(shares):
    """Whether the cores gave all their multiply-adds at every probe."""
    return all(share >= UNDISTURBED for share in shares)


def header(peers):
    columns = [f"{'case':<{NAME}}"] + [f"{name[:WIDTH]:>{WIDTH}}" for name in ["crestmax"] + peers]
    columns += [f"{'ratio':>6}", f"{'best':>6}", f"{'share':>6}", f"{'peer':>6}", f"{'bar':>5}"]
    return "  ".join(columns)


def row(case, line, standing, peers):
    """One line. A speed in GFLOP/s or GB/s; - where a peer does not run the case, WRONG where its result is."""
    def cell(result):
        if result is None:
            return "-"
        if "best" in result:
            return f"{speed(case, result):.1f}"
        return "WRONG" if result["wrong"] else "-"

    def percent(share):
        return f"{share:.0%}" if share is not None else "-"

    def number(key):
        return f"{standing[key]:.2f}" if standing.get(key) else "-"

    by_name = {result["name"]: result for result in line["results"]}
    columns = [f"{case.name:<{NAME}}"] + [f"{cell(by_name.get(name)):>{WIDTH}}" for name in ["crestmax"] + peers]
    columns += [f"{number('ratio'):>6}", f"{number('ratio_of_fastest'):>6}", f"{percent(standing['share']):>6}",
                f"{percent(standing.get('peer_share')):>6}", f"{standing['bar']:>5.2f}",
                standing["verdict"] + ("" if standing.get("quiet", True) else " ~")]
    return "  ".join(columns)


def notes(lines):
    """What stands below the table: errors, the ways that were taken, what did not run, who is ahead."""
    errors, ways, troubles, wrong = {}, {}, {}, {}
    for case, line, _ in lines:
        for result in line["results"]:
            if result["error"] is not None:
                worst = errors.setdefault(result["name"], {})
                worst[case.cache_kind] = max(worst.get(case.cache_kind, 0), result["error"])
                ways.setdefault(result["name"], {}).setdefault(result["way"], []).append(case.name)
            for found in result["wrong"]:
                wrong.setdefault((result["name"], found["way"]), []).append(
                    (found["error"], case.work / found["seconds"] * 1e-9, case))
            for trouble in result["trouble"]:
                troubles.setdefault(f"{result['name']}, {trouble}", []).append(case.name)
    yield "largest error against float64, relative to the largest number of the same output row:"
    for name, worst in errors.items():
        yield f"  {name}: " + ", ".join(f"{kind} {error:.1e}" for kind, error in worst.items())
    yield "ways that were the fastest (in how many cases):"
    for name, taken in ways.items():
        yield f"  {name}: " + ", ".join(f"{way} ({len(names)})" for way, names in taken.items())
    for (name, way), found in wrong.items():
        error, fastest, case = max(found, key=lambda one: one[1])
        yield (f"WRONG: {name}, {way}: error {max(one[0] for one in found):.1e} in {len(found)} case(s); not counted, "
               f"though up to {fastest:.0f} {case.unit} in {case.name}")
    if troubles:
        yield "what did not run:"
        for trouble, names in troubles.items():
            yield f"  {trouble} [{len(names)} case(s), first: {names[0]}]"
    for verdict, words in (("PEER AHEAD", "a peer is ahead"), ("missed", "ahead, but the bar is missed")):
        found = [(case, line, standing) for case, line, standing in lines if standing["verdict"] == verdict]
        if found:
            yield f"{words}:"
        for case, line, standing in found:
            yield (f"  {case.name}, {line['threads']} thread(s): {standing['ratio']:.2f} times {standing['peer']} "
                   f"({standing['way']}), by the fastest calls {standing['ratio_of_fastest']:.2f}, "
                   f"bar {standing['bar']:.2f}" + ("" if standing["quiet"] else " ~"))
    disturbed = sum(not standing.get("quiet", True) for _, _, standing in lines)
    if disturbed:
        yield (f"~ in {disturbed} case(s): just before or after, the cores gave less than {UNDISTURBED:.0%} of their "
               "multiply-adds (others were running, or two virtual cores shared a real one): run again")
    verdicts = [standing["verdict"] for _, _, standing in lines]
    yield f"{len(lines)} cases: " + ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
