// radish_bench_integer: the integer map beside std::map, Abseil's B-tree and JudyL, in one run on one core.
// The stores take turns in each round, so that what else the machine does meets all of them; medians of the
// rounds.
#include <malloc.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "integer_stores.h"

namespace radish::bench {
namespace {

struct Options {
  std::size_t keys = 1'000'000;
  unsigned rounds = 5;
  std::uint64_t seed = 1;
  int cpu = -1;
};

/// The keys in the order in which they are put in, and what is looked up.
struct KeySet {
  std::string name;
  std::vector<Number> keys;
  std::vector<Number> lookups;  ///< the keys, in another order
  std::vector<Number> bounds;   ///< a little beside a key
};

/// Runs of 1 to 64 consecutive keys at random places.
std::vector<Number> clustered_keys(std::size_t count, std::mt19937_64& random) {
  std::vector<Number> keys;
  while (keys.size() < count) {
    const Number start = random();
    for (Number run = random() % 64 + 1, key = start; run-- > 0 && keys.size() < count; ++key)
      keys.push_back(key);
  }
  return keys;
}

KeySet make_set(const std::string& name, const Options& options) {
  std::mt19937_64 random(options.seed);
  KeySet set{.name = name, .keys = std::vector<Number>(options.keys), .lookups = {}, .bounds = {}};
  if (name == "dense")
    for (Number key = 0; key < set.keys.size(); ++key) set.keys[key] = key;
  else if (name == "clustered")
    set.keys = clustered_keys(options.keys, random);
  else
    std::ranges::generate(set.keys, random);
  std::ranges::shuffle(set.keys, random);
  set.lookups = set.keys;
  std::ranges::shuffle(set.lookups, random);
  for (const Number key : set.lookups) set.bounds.push_back(key - 8 + random() % 16);
  return set;
}

enum Operation : std::size_t { insert, find, lower_bound, scan, operation_count };
constexpr std::array<const char*, operation_count> operation_names{"insert", "find", "lower_bound", "scan"};

/// What one store did: nanoseconds a key of each round, bytes a key, and a sum that all stores must agree on.
struct Measured {
  std::array<std::vector<double>, operation_count> times_ns;
  double bytes_per_key = 0;
  Number sum = 0;
};

Number allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <class Work>
double time_per_key_ns(std::size_t keys, Work work) {
  const double start_ns = cpu_ns();
  work();
  return (cpu_ns() - start_ns) / static_cast<double>(keys);
}

template <class Store>
void measure(const KeySet& set, Measured& measured) {
  const auto time = [&](Operation operation, auto work) {
    measured.times_ns[operation].push_back(time_per_key_ns(set.keys.size(), work));
  };
  const Number before_bytes = allocated_bytes();
  auto store = std::make_unique<Store>();
  time(insert, [&] {
    for (const Number key : set.keys) store->insert(key, key);
  });
  const Number bytes = store->own_bytes() != 0 ? store->own_bytes() : allocated_bytes() - before_bytes;
  measured.bytes_per_key = static_cast<double>(bytes) / static_cast<double>(set.keys.size());
  store->begin_reading();
  Number sum = 0;
  time(find, [&] {
    for (const Number key : set.lookups) sum += store->find(key).value_or(1);
  });
  time(lower_bound, [&] {
    for (const Number bound : set.bounds) sum += 3 * store->lower_bound(bound).value_or(1);
  });
  time(scan, [&] { sum += 5 * store->scan(); });
  measured.sum = sum;
}

template <class... Stores>
struct Contest {
  static constexpr std::size_t count = sizeof...(Stores);
  std::array<Measured, count> results{};

  void round(const KeySet& set) {
    std::size_t index = 0;
    (measure<Stores>(set, results[index++]), ...);
  }
  [[nodiscard]] bool agrees() const {
    return std::ranges::all_of(results, [&](const Measured& one) { return one.sum == results[0].sum; });
  }
  void print(const KeySet& set) const {
    const std::array<const char*, count> names{Stores::name...};
    for (std::size_t index = 0; index < count; ++index) {
      fmt::print("| {:<9} | {:<15} |", set.name, names[index]);
      for (std::size_t operation = 0; operation < operation_count; ++operation)
        fmt::print(" {:>11.0f} |", median(results[index].times_ns[operation]));
      fmt::print(" {:>11.1f} |\n", results[index].bytes_per_key);
    }
    std::fflush(stdout);
  }
};

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu < 0 ? sched_getcpu() : cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fmt::print(stderr, "not pinned to a core\n");
}

int run(const Options& options) {
  pin_to(options.cpu);
  fmt::print(
      "{} keys, seed {}, medians of {} rounds, on one core; ns an operation (scan: a key), bytes a key\n\n",
      options.keys, options.seed, options.rounds);
  fmt::print("| keys      | store           |");
  for (const char* name : operation_names) fmt::print(" {:>11} |", name);
  fmt::print(" bytes a key |\n|---|---|--:|--:|--:|--:|--:|\n");
  for (const char* name : {"dense", "clustered", "random"}) {
    const KeySet set = make_set(name, options);
    Contest<IntegerMapStore, PinnedMapStore, StandardStore, BtreeStore, JudyStore> contest;
    for (unsigned round = 0; round < options.rounds; ++round) contest.round(set);
    contest.print(set);
    if (contest.agrees()) continue;
    fmt::print(stderr, "the stores do not agree on what they hold\n");
    return 3;
  }
  return 0;
}

}  // namespace
}  // namespace radish::bench

int main(int argc, char** argv) {
  radish::bench::Options options;
  CLI::App app{"The integer map beside other ordered maps"};
  app.add_option("--keys", options.keys, "keys of each set")->capture_default_str();
  app.add_option("--rounds", options.rounds, "rounds; the table has their medians")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the keys and their order")->capture_default_str();
  app.add_option("--cpu", options.cpu, "core to run on; -1: the one it starts on")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return radish::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "radish_bench_integer: {}\n", error.what());
    return 3;
  }
}
