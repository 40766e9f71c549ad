"""The harnesses, in the order of what they cost, and how a mutant is put before them."""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from limits import run
from mutants import mutants_of, written_at

QUICK_SECONDS = 0.1  # of a test


@dataclass
class Harness:
    name: str
    target: Path     # the object that is mutated
    command: list    # `{target}`, `{scratch}` and `{tests}` are filled in
    tests: dict = None  # what reach_of says of those that it has, if it is a gtest program
    seconds: float = 0.0
    by_key: dict = field(default_factory=dict)

    def load(self):
        self.by_key = {mutant.key: mutant for mutant in mutants_of(self.target)}

    def tests_for(self, name):
        """Those that come by a mutant; all, if no name is given."""
        return [test for test, reach in self.tests.items()
                if name is None or reach["mutants"] is None or name in reach["mutants"]]

    def limit_seconds(self, tests):
        """Several times what the unmutated library takes, by the share of these tests in all of them."""
        def cost(some):
            return sum(self.tests[test]["seconds"] for test in some)
        share = 1 if tests is None else cost(tests) / max(cost(self.tests), 0.001)
        return 6 * self.seconds * share + 6


class Bench:
    """A place where one mutant after the other is put before the harnesses: copies of their objects, without
    debug information, in which code is exchanged and put back."""

    def __init__(self, harnesses, folder):
        self.harnesses = harnesses
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.copies = {}
        for target in dict.fromkeys(harness.target for harness in harnesses):
            self.copies[target] = self.folder / f"{len(self.copies)}-{target.name}"
            subprocess.run(["objcopy", "--strip-debug", str(target), str(self.copies[target])], check=True)

    def passes_unmutated(self, harness):
        """Sets how long the harness takes."""
        harness.seconds = 100.0
        started = time.monotonic()
        wrong = self._judge(harness, None)
        harness.seconds = time.monotonic() - started
        return wrong

    def judge(self, harness, mutant):
        """(whether the harness comes by the mutant, what it found or None)"""
        counterpart = harness.by_key.get(mutant.key)
        if counterpart is None or (harness.tests is not None and not harness.tests_for(mutant.name)):
            return False, None
        patches = written_at(harness.target, counterpart.patches)
        exchange(self.copies[harness.target], patches)
        try:
            return True, self._judge(harness, mutant.name)
        finally:
            exchange(self.copies[harness.target], [(place, after, before) for place, before, after in patches])

    def _judge(self, harness, name):
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        tests = None if harness.tests is None else harness.tests_for(name)
        words = {"target": self.copies[harness.target], "scratch": scratch, "tests": ":".join(tests or [])}
        seconds = harness.limit_seconds(tests)
        return run([word.format(**words) for word in harness.command], scratch, seconds, seconds)


def exchange(path, pieces):
    with open(path, "r+b") as file:
        for place, before, after in pieces:
            file.seek(place)
            if file.read(len(before)) != before:
                raise SystemExit(f"{path}: other code at {place:#x} than was expected")
            file.seek(place)
            file.write(after)
