// How long an insert takes that must first make room out of millions of keys that were erased at once.
//
// usage: radish_room [--keys N] [--rounds N] [--timeout MS] [--check]
//
// A segment is filled with random 8-byte keys; then all of them go at once by clear, or half of them by
// erase_prefix, and keys are put in: an insert for which there is no room must dismantle what was cut off.
// Keys of 60,000 bytes need the most room of all. Once without a deadline and once with lock_timeout: whoever
// is told that the time is up asks again. Times are those of the clock; the verdict is on the thread's own
// processor time, because nobody can bound for how long others have the processor.
// --check ends with exit code 1 if a call takes longer than its deadline allows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "measure.h"
#include "radish/tree.hpp"

namespace radish::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What a call may take beyond its deadline.
constexpr double beyond_deadline_ms = 1;

struct Options {
  std::uint64_t keys = 2'000'000;
  std::uint64_t inserts = 20'000;
  std::int64_t timeout_ms = 2;
  bool check = false;
};

enum class Gone { by_clear, by_prefix };
struct Row {
  Gone gone;
  std::size_t key_bytes;
  bool deadline;
};

double milliseconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

std::string key_of(std::mt19937_64& random, std::size_t bytes) {
  std::string key;
  while (key.size() < bytes) {
    const std::uint64_t word = random();
    key.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return key;
}

/// The segment that so many keys just fill.
std::uint64_t capacity_for(std::uint64_t keys) { return std::max<std::uint64_t>(keys * 32, 1 << 20); }

void fill(Tree& tree) {
  std::mt19937_64 random(1);
  for (;;) {
    const auto inserted = tree.insert(key_of(random, 8), 1);
    if (!inserted && inserted.error().code == Code::full) return;
    take(inserted);
  }
}

struct Latencies {
  std::vector<double> ms;  ///< of each call, ascending
  double longest_cpu_ms = 0;
  std::uint64_t timed_out = 0;
};

Latencies insert_all(Tree& tree, const Options& options, const Row& row) {
  Latencies latencies;
  std::mt19937_64 random(2);
  const std::uint64_t inserts = row.key_bytes > 8 ? options.inserts / 100 : options.inserts;
  for (std::uint64_t count = 0; count < inserts; ++count) {
    const std::string key = key_of(random, row.key_bytes);
    for (bool done = false; !done;) {
      const auto start = steady_clock::now();
      const double start_cpu_ns = cpu_ns();
      const auto inserted = tree.insert(key, 1);
      latencies.ms.push_back(milliseconds_since(start));
      latencies.longest_cpu_ms = std::max(latencies.longest_cpu_ms, (cpu_ns() - start_cpu_ns) / 1e6);
      done = inserted.has_value();
      if (done) continue;
      if (inserted.error().code != Code::timed_out) take(inserted);
      ++latencies.timed_out;
    }
  }
  std::ranges::sort(latencies.ms);
  return latencies;
}

/// The longest call, in milliseconds of the processor.
double measure(const Options& options, const Row& row) {
  auto filled = take(Tree::create_memfd("room", {.capacity_bytes = capacity_for(options.keys)}));
  fill(filled);
  const std::uint64_t before = take(filled.count());
  if (row.gone == Gone::by_clear)
    take(filled.clear());
  else
    for (int first = 0; first < 128; ++first)
      take(filled.erase_prefix(std::string(1, static_cast<char>(first))));
  auto tree = take(Tree::open_descriptor(
      filled.descriptor(), {.lock_timeout = milliseconds(row.deadline ? options.timeout_ms : 0)}));
  const std::uint64_t gone = before - take(tree.count());
  const Latencies latencies = insert_all(tree, options, row);
  take(tree.verify());
  fmt::print("{:<12} {:>8} {:>6} {:>9} {:>6} {:>9.4f} {:>9.4f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9}\n",
             row.gone == Gone::by_clear ? "clear" : "erase_prefix", gone, row.key_bytes,
             row.deadline ? fmt::format("{} ms", options.timeout_ms) : "none", latencies.ms.size(),
             quantile(latencies.ms, 0.5), quantile(latencies.ms, 0.99), quantile(latencies.ms, 0.999),
             latencies.ms.back(), latencies.longest_cpu_ms, latencies.timed_out);
  std::fflush(stdout);
  return latencies.longest_cpu_ms;
}

int run(const Options& options) {
  fmt::print("{:<12} {:>8} {:>6} {:>9} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "gone by", "keys",
             "bytes", "deadline", "calls", "p50, ms", "p99", "p99.9", "max", "max CPU", "timed out");
  double longest_ms = 0;
  constexpr std::pair<Gone, std::size_t> cases[] = {
      {Gone::by_clear, 8}, {Gone::by_prefix, 8}, {Gone::by_clear, 60'000}};
  for (const auto& [gone, key_bytes] : cases)
    for (const bool deadline : {false, true}) {
      const double ms = measure(options, {gone, key_bytes, deadline});
      if (deadline) longest_ms = std::max(longest_ms, ms);
    }
  fmt::print("\n{:<62} {:>10} {:>10}\n", "", "asked", "measured");
  Verdicts verdicts;
  verdicts.at_most("longest call with a deadline, in milliseconds of the processor",
                   static_cast<double>(options.timeout_ms) + beyond_deadline_ms, longest_ms);
  return options.check && !verdicts.all_met() ? 1 : 0;
}

}  // namespace
}  // namespace radish::bench

int main(int argc, char** argv) {
  radish::bench::Options options;
  CLI::App app("How long an insert takes that must make room first");
  app.add_option("--keys", options.keys, "that go at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--inserts", options.inserts, "of short keys; of long ones a hundredth")
      ->check(CLI::Range(100, 100'000'000))
      ->capture_default_str();
  app.add_option("--timeout", options.timeout_ms, "the deadline, in milliseconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--check", options.check, "exit code 1 if a call takes longer than its deadline allows");
  CLI11_PARSE(app, argc, argv);
  return radish::bench::run(options);
}
