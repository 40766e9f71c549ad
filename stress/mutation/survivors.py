#!/usr/bin/env python3
"""The list of all mutants that survived, each in its class, as docs/mutation-survivors.md has it:

    stress/mutation/survivors.py build/mutation.jsonl >docs/mutation-survivors.md

Of several outputs what is known best of a mutant counts: that it was caught, or how many harnesses it met.
Exit code 1: a survivor has no class (stress/mutation/classes.txt); each is named.
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

HEAD = """# Mutants that survive

Made by `stress/mutation/survivors.py` from the output of `ci/mutation` and from `stress/mutation/classes.txt`, where the reasons
stand; `docs/mutation.md` tells what a mutant is. A mutant's name is its place in `src/`, the function, what was changed, and which of how
many instructions of that kind the line has. `ci/mutation --only NAME` puts it before the harnesses again.
"""


@dataclass
class Class:
    name: str
    reason: list = field(default_factory=list)
    patterns: list = field(default_factory=list)
    mutants: list = field(default_factory=list)

    def has(self, mutant):
        parts = parts_of(mutant)
        return any(len(pattern) <= len(parts) and all(map(fnmatchcase, parts, pattern)) for pattern in self.patterns)


def parts_of(mutant):
    """Without the number of its line, which changes sooner than what is there."""
    file, _, *rest = mutant["name"].split(":")
    return [file, *rest]


def classes_in(text):
    """`[name]`, then indented patterns, file:function:kind:number or less from the left, then the reason."""
    classes = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            classes.append(Class(line.strip("[]")))
        elif line.startswith(" "):
            classes[-1].patterns += [pattern.split(":") for pattern in line.split()]
        else:
            classes[-1].reason.append(line)
    return classes


def best_known(outputs):
    known = {}
    for output in outputs:
        for mutant in map(json.loads, output.read_text().splitlines()):
            before = known.get(mutant["name"])
            if not before or mutant["caught"] or not before["caught"] and len(mutant["passed"]) >= len(before["passed"]):
                known[mutant["name"]] = mutant
    return list(known.values())


def text_of(mutants, classes):
    survivors = sum(len(one.mutants) for one in classes)
    lines = [HEAD, f"{survivors} of {len(mutants)} mutants survived; `met`: how many harnesses came by it.", ""]
    for one in sorted(classes, key=lambda one: -len(one.mutants)):
        if not one.mutants:
            continue
        lines += [f"## {one.name[0].upper()}{one.name[1:]} ({len(one.mutants)})", "", *one.reason, ""]
        lines += ["| mutant | met |", "|---|---|"]
        lines += [f"| `{mutant['name']}` | {len(mutant['passed'])} |" for mutant in one.mutants]
        lines.append("")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="The mutants that survived, by class.")
    parser.add_argument("outputs", type=Path, nargs="+", metavar="OUTPUT", help="of ci/mutation")
    parser.add_argument("--classes", type=Path, default=Path(__file__).with_name("classes.txt"))
    asked = parser.parse_args()
    classes = classes_in(asked.classes.read_text())
    mutants = best_known(asked.outputs)
    homeless = []
    survivors = (mutant for mutant in mutants if not mutant["caught"])
    for mutant in sorted(survivors, key=lambda one: (one["file"], one["line"], one["name"])):
        home = next((one for one in classes if one.has(mutant)), None)
        (home.mutants if home else homeless).append(mutant)
    print(text_of(mutants, classes), end="")
    for mutant in homeless:
        print(f"without a class: {mutant['name']}  {mutant['instruction']}", file=sys.stderr)
    return 1 if homeless else 0


if __name__ == "__main__":
    sys.exit(main())
