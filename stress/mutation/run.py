#!/usr/bin/env python3
"""The runner of mutants: takes each store away and turns each branch round, one at a time, in the machine code of
the built library, and puts what comes of it before the harnesses in the order of what they cost. See
docs/mutation.md.

Exit code 0: carried through; 1: a mutant survived and --expect-caught was given; 3: an unmutated object does not
pass, so that nothing would be shown.
"""

import argparse
import fnmatch
import json
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import summary
from harnesses import QUICK_SECONDS, Bench, Harness
from limits import become_subreaper, die_with_parent, end_all_children
from mutants import mutants_of
from reach import reach_of


# Crowds race for minutes; the explorer's tests and the command's run another library than their program's own, and
# the model's none; what steps through instructions cannot do so between traps (the harness `steps` does it).
LEFT_OUT = ("*Crowd*", "Command.*", "*StepTest*", "Crashpoints*", "*StepEngine*", "*StoreEngine*", "StepWalk*", "AgreementTest*", "*Toy*",
            "MillionKeys*", "*Twin*", "Description*", "*Generator*")


def gtest_harnesses(build, name, program, folder):
    """The quick tests of a program and its slow ones, with what they come by."""
    reached = reach_of(program, mutants_of(program), build / "tests/radish_reach.so", folder,
                       lambda test: not any(fnmatch.fnmatch(test, pattern) for pattern in LEFT_OUT))
    command = ["{target}", "--gtest_fail_fast", "--gtest_filter={tests}"]
    quick = {test for test in reached if reached[test]["seconds"] < QUICK_SECONDS}
    return [Harness(name, program, command, {test: reached[test] for test in quick}),
            Harness("slow " + name, program, command, {test: reached[test] for test in reached.keys() - quick})]


def other_harnesses(build):
    tests, crashpoints = build / "tests", build / "stress/crashpoints"
    subject = crashpoints / "radish_subject.so"
    instrumented = crashpoints / "radish_store_subject.so"
    judge = [str(tests / "radish_mutant_judge"), "{target}"]
    unmutated = ["--instrumented", str(instrumented)]
    waits = [judge[0], str(subject), "--waits", "--instrumented", "{target}", "--first", "1", "--cases", "1"]
    differential = ["{target}", "--seed", "1", "--failure-file", "/dev/null"]
    torture = ["{target}", "torture", "--seconds", "8", "--seed", "1", "--round-seconds", "1"]
    return [
        Harness("operations", tests / "radish_differential", [*differential, "--operations", "100000"]),
        Harness("deaths", subject, [*judge, "--cases", "6", *unmutated]),
        Harness("steps", subject, [*judge, "--cases", "5"]),
        Harness("waits", instrumented, waits),
        Harness("long", tests / "radish_differential", [*differential, "--operations", "400000", "--storage", "file"]),
        Harness("torture", build / "stress/radish-check", [*torture, "--case-directory", "{scratch}/case"]),
    ]


ORDER = ["operations", "deaths", "tests", "probe tests", "steps", "waits", "slow probe tests", "slow tests", "long", "torture"]


def harnesses_of(build, asked, folder):
    """The harnesses asked for, the cheapest first."""
    made = other_harnesses(build)
    for name, program in (("tests", "radish_tests"), ("probe tests", "radish_probe_tests")):
        if {name, "slow " + name} & set(asked):
            made += gtest_harnesses(build, name, build / "tests" / program, folder)
    return sorted((one for one in made if one.name in asked), key=lambda one: ORDER.index(one.name))


def options():
    parser = argparse.ArgumentParser(description="Mutants of floors 1 to 4, and which harness catches them.")
    parser.add_argument("--build", type=Path, default=Path("build/mutation"), help="where the objects are")
    parser.add_argument("--output", type=Path, default=Path("build/mutation.jsonl"), help="a line for each mutant")
    parser.add_argument("--resume", action="store_true", help="leaves out those that the output has already")
    parser.add_argument("--survivors", type=Path, metavar="FILE", help="those that survived in an earlier output")
    parser.add_argument("--file", default="*", help="those of these files, e.g. 'txn/*'")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="this mutant; * and ? match, and then the first that does is taken")
    parser.add_argument("--sample", type=int, help="draws so many")
    parser.add_argument("--seed", type=int, help="of the drawing; printed")
    parser.add_argument("--harness", action="append", default=[], choices=ORDER, help="only these")
    parser.add_argument("--seconds", type=float, default=0, help="ends after so long; 0: at the end")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="names the mutants and does nothing")
    parser.add_argument("--expect-caught", action="store_true", help="exit code 1 if one survives")
    return parser.parse_args()


def choose(mutants, asked):
    chosen = [mutant for mutant in mutants if fnmatch.fnmatch(mutant.file, asked.file)]
    if asked.only:
        named = [[mutant for mutant in chosen if fnmatch.fnmatchcase(mutant.name, name)] for name in asked.only]
        if not all(named):
            raise SystemExit("there is no mutant " + asked.only[named.index([])])
        chosen = [matching[0] for matching in named]
    random.Random(asked.seed).shuffle(chosen)
    return chosen[:asked.sample] if asked.sample else chosen


def lines_of(output):
    return [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else []


def still_to_do(chosen, asked):
    if asked.resume:
        known = {line["name"] for line in lines_of(asked.output)}
        chosen = [mutant for mutant in chosen if mutant.name not in known]
    if asked.survivors:
        survived = {line["name"] for line in lines_of(asked.survivors) if not line["caught"]}
        chosen = [mutant for mutant in chosen if mutant.name in survived]
    return chosen


def control(harnesses, folder):
    """The unmutated objects pass. How long they take sets the limits."""
    bench = Bench(harnesses, folder)
    for harness in harnesses:
        wrong = bench.passes_unmutated(harness)
        print(f"unmutated: {harness.name:16} {harness.seconds:6.1f} s  {wrong or 'passes'}", flush=True)
        if wrong:
            return False
    return True


def judge(bench, mutant):
    """The mutant's line of the output."""
    started = time.monotonic()
    line = {"name": mutant.name, "file": mutant.file, "line": mutant.line, "function": mutant.function,
            "kind": mutant.kind, "instruction": mutant.patches[0].text, "copies": len(mutant.patches),
            "caught": None, "how": None, "passed": []}
    for harness in bench.harnesses:
        has_place, how = bench.judge(harness, mutant)
        if how:
            line |= {"caught": harness.name, "how": how}
            break
        if has_place:
            line["passed"].append(harness.name)
    return line | {"seconds": round(time.monotonic() - started, 2)}


def work(harnesses, folder, tasks, lines):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    become_subreaper()
    bench = Bench(harnesses, folder)
    while (mutant := tasks.get()) is not None:
        lines.put(judge(bench, mutant))


def run_all(harnesses, chosen, asked, folder):
    """Hands the mutants to processes and writes down what they say of them."""
    tasks, lines = multiprocessing.Queue(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(harnesses, f"{folder}/{job}", tasks, lines))
               for job in range(asked.jobs)]
    ends = time.monotonic() + asked.seconds if asked.seconds else float("inf")
    waiting = iter(chosen)
    done = []

    def hand_out():
        mutant = next(waiting, None) if time.monotonic() < ends else None
        tasks.put(mutant)
        return mutant is not None
    for worker in workers:
        worker.start()
    open_tasks = sum(hand_out() for _ in workers)
    with open(asked.output, "a" if asked.resume else "w") as output:
        while open_tasks:
            line = lines.get()
            done.append(line)
            output.write(json.dumps(line) + "\n")
            output.flush()
            show(line, len(done), len(chosen))
            open_tasks += hand_out() - 1
    for worker in workers:
        worker.join()
    return done


def show(line, number, of):
    verdict = f"{line['caught']}: {line['how']}" if line["caught"] else "SURVIVED"
    print(f"{number}/{of} {line['seconds']:6.1f} s  {line['name']}  {verdict}", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # so that everything is put away
    asked = options()
    asked.seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1 << 32)
    primary = asked.build.resolve() / "stress/crashpoints/radish_subject.so"
    mutants = mutants_of(primary)
    chosen = still_to_do(choose(mutants, asked), asked)
    if asked.list:
        print(*(mutant.name for mutant in chosen), sep="\n")
        return 0
    print(f"{len(mutants)} mutants, {len(chosen)} of them chosen, seed {asked.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="radish-mutation-")
    Path(folder).chmod(0o755)  # tests have processes of other users
    try:
        become_subreaper()
        harnesses = harnesses_of(asked.build.resolve(), asked.harness or ORDER, folder)
        for harness in harnesses:
            harness.load()
        if not control(harnesses, f"{folder}/control"):
            return 3
        done = run_all(harnesses, chosen, asked, folder)
    finally:
        end_all_children()
        shutil.rmtree(folder)
    print(summary.table(done))
    print(f"One of them again: ci/mutation --only NAME; each is a line of {asked.output}")
    return 1 if asked.expect_caught and any(not line["caught"] for line in done) else 0


if __name__ == "__main__":
    sys.exit(main())
