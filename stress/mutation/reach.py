"""Which tests of a gtest program come by which mutants: each test is run once by itself, under traps (reach.cpp).
A mutant is then put before those tests alone that come by it; to the others it is the same program.

A test that does not pass under traps, one that steps through instructions for example, is taken to come by
everything.
"""

import hashlib
import json
import struct
import subprocess
import time
from pathlib import Path

from limits import run

TRAPPED_SECONDS_MAX = 20


def tests_of(program):
    listing = subprocess.run([program, "--gtest_list_tests"], stdout=subprocess.PIPE, text=True, check=True).stdout
    suite = ""
    for line in listing.splitlines():
        name = line.partition("#")[0].rstrip()
        if name.startswith("  "):
            yield suite + name.strip()
        elif name.endswith("."):
            suite = name


class Traps:
    """One program's mutants, and the files that reach.cpp is told of."""

    def __init__(self, program, mutants, library, folder):
        self.program, self.mutants, self.folder = program, mutants, Path(folder)
        self.places = sorted({patch.address for mutant in mutants for patch in mutant.patches})
        (self.folder / "places").write_bytes(struct.pack(f"<{len(self.places)}Q", *self.places))
        self.environment = {"LD_PRELOAD": str(library), "RADISH_REACH_PLACES": str(self.folder / "places"),
                            "RADISH_REACH_SEEN": str(self.folder / "seen")}

    def reached_by(self, test):
        """{"seconds": of the test, "mutants": their numbers, or None if it does not pass under traps}"""
        (self.folder / "seen").write_bytes(bytes(len(self.places)))
        seconds, wrong = self._run(test, self.environment)
        if wrong:
            return {"seconds": self._run(test, None)[0], "mutants": None}
        seen = (self.folder / "seen").read_bytes()
        reached = {place for place, mark in zip(self.places, seen) if mark}
        numbers = [number for number, mutant in enumerate(self.mutants)
                   if any(patch.address in reached for patch in mutant.patches)]
        return {"seconds": seconds, "mutants": numbers}

    def _run(self, test, environment):
        started = time.monotonic()
        wrong = run([str(self.program), f"--gtest_filter={test}"], self.folder, TRAPPED_SECONDS_MAX,
                    TRAPPED_SECONDS_MAX, environment)
        return time.monotonic() - started, wrong


def reach_of(program, mutants, library, folder, wanted):
    """For each wanted test what `reached_by` says, by names; kept beside the program until that or the mutants change."""
    kept = program.parent / f"{program.name}-reach.json"
    names = "\n".join(mutant.name for mutant in mutants)
    stamp = f"{program.stat().st_mtime_ns} {hashlib.sha256(names.encode()).hexdigest()}"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("stamp") != stamp:
        traps = Traps(program, mutants, library, folder)
        known = {"stamp": stamp, "tests": {test: traps.reached_by(test) for test in tests_of(program) if wanted(test)}}
        kept.write_text(json.dumps(known))
    for reach in known["tests"].values():
        if reach["mutants"] is not None:
            reach["mutants"] = frozenset(mutants[number].name for number in reach["mutants"])
    return known["tests"]
