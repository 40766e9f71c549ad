#!/usr/bin/env python3
"""The list of survivors (stress/mutation/survivors.py): whoever has no class is named and is an error."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "stress/mutation/survivors.py"
CLASSES = """# a comment
[pauses]
  sync/lock.cpp:pause:store
Too short to tell.

[others]
  heap/*:walk radix/node.h:bytes:branch:2of8
Another reason.
"""


def mutant(name, caught=None, passed=()):
    file, line, function, kind, _ = name.split(":")
    return {"name": name, "file": file, "line": int(line), "function": function, "kind": kind, "caught": caught,
            "passed": list(passed), "instruction": "je"}


class Survivors(unittest.TestCase):
    def run_on(self, *outputs):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / str(number) for number in range(len(outputs))]
            for path, mutants in zip(paths, outputs):
                path.write_text("".join(json.dumps(one) + "\n" for one in mutants))
            (Path(folder) / "classes").write_text(CLASSES)
            return subprocess.run([sys.executable, SCRIPT, *paths, "--classes", Path(folder) / "classes"],
                                  capture_output=True, text=True, check=False)

    def test_each_stands_in_its_class(self):
        ran = self.run_on([mutant("sync/lock.cpp:38:pause:store:1of1", passed=["tests"]),
                           mutant("heap/page.h:5:walk:branch:1of2"), mutant("radix/node.h:7:bytes:branch:2of8"),
                           mutant("radix/node.h:7:bytes:branch:1of8", caught="tests")])
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("3 of 4 mutants survived", ran.stdout)
        self.assertIn("## Pauses (1)\n\nToo short to tell.\n", ran.stdout)
        self.assertIn("| `sync/lock.cpp:38:pause:store:1of1` | 1 |", ran.stdout)
        self.assertIn("## Others (2)", ran.stdout)
        self.assertNotIn("1of8", ran.stdout)

    def test_who_has_none_is_named_and_an_error(self):
        ran = self.run_on([mutant("radix/node.h:7:bytes:branch:1of8"), mutant("sync/lock.cpp:38:pause:branch:1of1")])
        self.assertEqual(ran.returncode, 1)
        self.assertIn("without a class: radix/node.h:7:bytes:branch:1of8", ran.stderr)
        self.assertIn("without a class: sync/lock.cpp:38:pause:branch:1of1", ran.stderr)

    def test_of_several_outputs_the_best_known_counts(self):
        name = "sync/lock.cpp:38:pause:store:1of1"
        before, after = mutant(name, passed=["tests"]), mutant(name, passed=["tests", "steps"])
        self.assertIn(f"`{name}` | 2 |", self.run_on([before], [after]).stdout)
        self.assertIn(f"`{name}` | 2 |", self.run_on([after], [before]).stdout)
        for outputs in ([mutant(name, caught="waits")], [before]), ([before], [mutant(name, caught="waits")]):
            self.assertIn("0 of 1 mutants survived", self.run_on(*outputs).stdout)


if __name__ == "__main__":
    unittest.main()
