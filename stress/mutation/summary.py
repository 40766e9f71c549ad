"""What came of the mutants, by file and by the harness that caught them."""

import json
import sys
from collections import Counter
from pathlib import Path


def table(lines):
    harnesses = list(dict.fromkeys(line["caught"] for line in sorted(lines, key=lambda one: len(one["passed"]))
                                   if line["caught"]))
    head = ["file", "mutants", *harnesses, "survived"]
    rows = [head]
    for file in [*sorted({line["file"] for line in lines}), "all"]:
        of_file = [line for line in lines if file in (line["file"], "all")]
        caught = Counter(line["caught"] for line in of_file)
        rows.append([file, len(of_file), *(caught[harness] for harness in harnesses), caught[None]])
    return "\n".join(["| " + " | ".join(map(str, row)) + " |" for row in (rows[0], ["---"] * len(head), *rows[1:])])


def survivors(lines):
    return "\n".join(f"{line['name']}  {line['instruction']}" for line in sorted(lines, key=lambda one: one["name"])
                     if not line["caught"])


if __name__ == "__main__":
    every_line = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    print(table(every_line))
    print(survivors(every_line))
