#!/usr/bin/python3
"""Runs the benchmarks of radish and of other stores in turns, and makes a report of them. See ci/bench."""
import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys

PROGRAMS = ["radish_bench", "radish_bench_lmdb", "radish_bench_interprocess", "radish_bench_std_map", "radish_bench_btree",
            "radish_bench_judy", "radish_bench_hat_trie", "radish_bench_unordered_map", "radish_bench_dpdk"]
SETS = ["rand8", "seq8", "words", "paths", "ipv4"]
OPERATIONS = {"find": "find", "find_miss": "find of an absent key", "find_batch": "find, 256 at once", "longest_prefix": "longest prefix",
              "longest_prefix_batch": "longest prefix, 256 at once", "insert": "insert", "bulk_load": "load of all, sorted",
              "overwrite": "overwrite", "erase": "erase", "scan": "scan, a key"}
SHORT_PROGRAMS = ["radish_bench", "radish_bench_lmdb", "radish_bench_judy", "radish_bench_unordered_map"]
SHORT_SETS = ["rand8", "words"]
SHORT_FILTER = "^(find|insert)/"
# A ratio of the short run may fall to this part of what is expected: the rest is the machine's other users'.
MARGIN = 0.7


def output_of(arguments, cpus):
    """The standard output of a program that is kept on some processors."""
    kept = ["taskset", "-c", ",".join(map(str, cpus)), *map(str, arguments)]
    run = subprocess.run(kept, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(kept)}: exit code {run.returncode}\n{run.stderr}{run.stdout}")
    return run.stdout


def measure(program, key_set, pattern, cpus):
    """The runs of Google Benchmark."""
    output = output_of([program, "--sets", key_set, "--benchmark_format=json", "--benchmark_min_time=0.3",
                        f"--benchmark_filter={pattern}"], cpus)
    return json.loads(output[output.index("{"):])["benchmarks"] if "{" in output else []


class Results:
    """Of each round: times[set][operation][store], in nanoseconds an item; bytes[set][store], a key;
    beside[kind], the rate of a reader beside another process by its rate alone; pin[set], nanoseconds."""

    def __init__(self):
        self.times, self.bytes, self.beside, self.pin = {}, {}, {}, {}

    def add(self, key_set, run):
        operation, _, store = run["name"].split("/")[:3]
        times = self.times.setdefault(key_set, {}).setdefault(operation, {})
        times.setdefault(store, []).append(1e9 / run["items_per_second"])
        if operation == "insert" and "bytes_per_key" in run:
            self.bytes.setdefault(key_set, {})[store] = run["bytes_per_key"]

    def add_beside(self, run):
        self.beside.setdefault(run["name"].split("/")[1], []).append(run["ratio"])

    def add_pin(self, run):
        self.pin.setdefault(run["name"].split("/")[1], []).append(run["ns"])

    def ratio(self, key_set, operation, store):
        """How many times radish's time the store takes: the median of the rounds."""
        of = self.times[key_set][operation]
        return statistics.median(other / own for other, own in zip(of[store], of["radish"]))

    def ratios_by_name(self):
        return {f"{operation}/{key_set}/{store}": round(self.ratio(key_set, operation, store), 3)
                for key_set, operations in self.times.items() for operation, stores in operations.items()
                for store in stores if not store.startswith("radish")}


def run_rounds(build, programs, sets, pattern, rounds, cpu):
    results = Results()
    for number in range(rounds):
        for key_set in sets:
            for program in programs:
                path = build / "bench" / program
                if not path.exists():
                    continue  # of a store that is not installed
                print(f"\rround {number + 1} of {rounds}, {key_set}, {program:<30}", end="", file=sys.stderr, flush=True)
                for run in measure(path, key_set, pattern, [cpu]):
                    results.add(key_set, run)
    print(file=sys.stderr)
    return results


def stores_of(results):
    found = dict.fromkeys(store for operations in results.times.values() for stores in operations.values() for store in stores)
    return list(found)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def operation_table(results, operation, stores):
    sets = [key_set for key_set in results.times if operation in results.times[key_set]]
    rows = []
    for store in stores:
        cells = []
        for key_set in sets:
            times = results.times[key_set][operation].get(store)
            cells.append("–" if times is None else f"{statistics.median(times):,.0f}" if store.startswith("radish")
                         else f"{statistics.median(times):,.0f} ({results.ratio(key_set, operation, store):.2f})")
        if any(cell != "–" for cell in cells):
            rows.append([store, *cells])
    return table([OPERATIONS[operation], *sets], rows)


def growth_table(growth):
    rows = [[f"{step['keys']:,}", f"{step['find_ns']:.0f}", f"{step['find_batch_ns']:.0f}", f"{step['insert_ns']:.0f}",
             f"{step['bytes_per_key']:.1f}"] for step in growth]
    return table(["keys", "find", "find, 256 at once", "insert", "bytes a key"], rows)


def report(results, growth, rounds):
    stores = stores_of(results)
    lines = [f"# Benchmarks, {datetime.date.today()}", "",
             f"`ci/bench`: {rounds} rounds in which the stores take turns, each in a process of its own on one processor of",
             f"{os.cpu_count()} ({cpu_model()}, Linux {platform.release().split('-')[0]}); medians. Nanoseconds of the processor an operation; in",
             "brackets how many times radish's time that is, the median of the rounds' ratios.", ""]
    for operation in OPERATIONS:
        if any(operation in operations for operations in results.times.values()):
            lines += [*operation_table(results, operation, stores), ""]
    sets = list(results.bytes)
    lines += table(["bytes a key", *sets], [[store, *(f"{results.bytes[s][store]:.1f}" if store in results.bytes[s] else "–" for s in sets)]
                                            for store in stores if any(store in results.bytes[s] for s in sets)])
    if results.beside:
        lines += ["", *table(["a reader beside another process that works without pause", "of its rate alone"],
                             [[kind, f"{statistics.median(ratios):.2f}"] for kind, ratios in results.beside.items()])]
    if results.pin:
        lines += ["", *table(["a find's own pin", *results.pin], [["nanoseconds", *(f"{statistics.median(ns):.1f}" for ns in results.pin.values())]])]
    for kind, steps in growth.items():
        lines += ["", f"Random 8-byte keys, one tree that grows{kind}:", "", *growth_table(steps)]
    return "\n".join(lines) + "\n"


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.split(":", 1)[1].replace("(R)", "").split())
    return platform.machine()


def draw(results, growth, directory):
    import pygal  # of the Debian package python3-pygal
    look = {"js": [], "disable_xml_declaration": False, "print_values": False}
    for key_set, operations in results.times.items():
        chart = pygal.HorizontalBar(title=f"{key_set}: nanoseconds an operation", height=1000, **look)
        chart.x_labels = [OPERATIONS[operation] for operation in OPERATIONS if operation in operations]
        for store in stores_of(results):
            values = [statistics.median(operations[operation][store]) if store in operations[operation] else None
                      for operation in OPERATIONS if operation in operations]
            if any(values):
                chart.add(store, values)
        chart.render_to_file(str(directory / f"{key_set}.svg"))
    if results.beside:
        chart = pygal.Bar(title="a reader beside a writer, of its rate alone", range=(0, 1.1), **look)
        for kind, ratios in results.beside.items():
            if "both" not in kind:
                chart.add(kind, statistics.median(ratios))
        chart.render_to_file(str(directory / "beside_writer.svg"))
    if growth:
        chart = pygal.XY(title="a lookup among so many random keys, nanoseconds", x_title="keys, power of ten", **look)
        for kind, steps in growth.items():
            chart.add(f"find{kind}", [(math.log10(step["keys"]), step["find_ns"]) for step in steps])
            chart.add(f"256 at once{kind}", [(math.log10(step["keys"]), step["find_batch_ns"]) for step in steps])
        chart.render_to_file(str(directory / "growth.svg"))


def run_growth(build, keys_max, cpu):
    """Steps by kind of pages."""
    growth = {}
    for kind, arguments in {"": [], ", huge pages": ["--huge-pages"]}.items():
        print(f"growth{kind}", file=sys.stderr)
        output = output_of([build / "bench" / "radish_bench_growth", "--keys-max", keys_max, *arguments], [cpu])
        growth[kind] = [json.loads(line) for line in output.splitlines()]
    return growth


def compare_with(expected_path, ratios):
    """Exit code 1 if a ratio has fallen by more than the margin."""
    expected = json.loads(expected_path.read_text())
    fallen = 0
    for name, ratio in expected.items():
        if name not in ratios:
            sys.exit(f"{name} was not measured")
        is_fallen = ratios[name] < ratio * MARGIN
        fallen += is_fallen
        print(f"{name:<32} expected {ratio:6.2f}  measured {ratios[name]:6.2f}  {'FALLEN' if is_fallen else 'ok'}")
    return 1 if fallen else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default="build/gcc")
    parser.add_argument("--results", type=pathlib.Path, default="bench/results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--growth-keys", type=int, default=50_000_000, help="0: none")
    parser.add_argument("--short", action="store_true", help="a few ratios, against those of bench/expected.json")
    parser.add_argument("--accept", action="store_true", help="what --short measures is expected from now on")
    options = parser.parse_args()
    cpu = max(os.sched_getaffinity(0))
    if options.short:
        results = run_rounds(options.build, SHORT_PROGRAMS, SHORT_SETS, SHORT_FILTER, options.rounds, cpu)
        ratios = results.ratios_by_name()
        expected = pathlib.Path("bench/expected.json")
        if options.accept:
            expected.write_text(json.dumps(ratios, indent=1) + "\n")
        return compare_with(expected, ratios)
    sets = options.sets.split(",")
    results = run_rounds(options.build, PROGRAMS, sets, "-^(find_beside|pin_cost)", options.rounds, cpu)
    if len(os.sched_getaffinity(0)) > 1:
        for _ in range(options.rounds):
            for run in measure(options.build / "bench" / "radish_bench", "rand8", "^find_beside", os.sched_getaffinity(0)):
                results.add_beside(run)
    for _ in range(options.rounds):
        for run in measure(options.build / "bench" / "radish_bench", "rand8,words", "^pin_cost", [cpu]):
            results.add_pin(run)
    growth = run_growth(options.build, options.growth_keys, cpu) if options.growth_keys else {}
    directory = options.results / str(datetime.date.today())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps({"times": results.times, "bytes": results.bytes, "beside": results.beside,
                                                        "pin": results.pin,
                                                        "growth": growth}, indent=1) + "\n")
    text = report(results, growth, options.rounds)
    directory.with_suffix(".md").write_text(text)
    draw(results, growth, directory)
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
