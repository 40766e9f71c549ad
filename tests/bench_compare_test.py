#!/usr/bin/env python3
"""What ci/bench --short says of ratios (bench/compare.py): one that has fallen is an error."""

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location("compare", Path(__file__).parent.parent / "bench/compare.py")
compare = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(compare)


def run_named(name, items_per_second):
    return {"name": name, "items_per_second": items_per_second}


class ShortRun(unittest.TestCase):
    def judge(self, ratios):
        with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()) as said:
            expected = Path(directory) / "expected.json"
            expected.write_text(json.dumps({"find/words/lmdb": 2.0, "insert/words/lmdb": 1.0}))
            return compare.compare_with(expected, ratios), said.getvalue()

    def test_ratios_within_the_margin_pass(self):
        code, said = self.judge({"find/words/lmdb": 2.0 * compare.MARGIN + 0.01, "insert/words/lmdb": 5.0})
        self.assertEqual(code, 0)
        self.assertNotIn("FALLEN", said)

    def test_one_that_fell_is_named_and_an_error(self):
        code, said = self.judge({"find/words/lmdb": 2.0 * compare.MARGIN - 0.01, "insert/words/lmdb": 1.0})
        self.assertEqual(code, 1)
        self.assertRegex(said, "find/words/lmdb .*FALLEN")
        self.assertRegex(said, "insert/words/lmdb .*ok")

    def test_one_that_was_not_measured_is_an_error(self):
        with self.assertRaises(SystemExit):
            self.judge({"find/words/lmdb": 2.0})

    def test_ratio_is_the_median_of_those_of_the_rounds(self):
        results = compare.Results()
        for own, other in ((100, 50), (10, 2), (100, 25)):  # 2, 5 and 4 times as long
            results.add("words", run_named("find/words/radish", own))
            results.add("words", run_named("find/words/lmdb", other))
        self.assertEqual(results.ratios_by_name(), {"find/words/lmdb": 4.0})


if __name__ == "__main__":
    unittest.main()
