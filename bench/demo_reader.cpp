// A reader of ci/demo: looks the lines of a list up in a shared tree while others load them, and checks every
// answer, until it is sent SIGTERM; then once more, and now all of them must be there.
//
// usage: demo_reader TREE LIST NAME
//
// The tree is loaded with line numbers, from 0, as values and nobody erases, so an answer is wrong if it is
// another line's number, if a key that was once found is absent, or if a key that is in no list is found.
// Exit code: 0 all answers right, 1 a wrong one, 2 usage, 3 error.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "radish/tree.hpp"

namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stopped = 0;

struct Line {
  std::string key;
  std::uint64_t number;
  bool seen = false;
};

struct Tally {
  std::uint64_t lookups = 0;
  std::uint64_t found = 0;
  std::uint64_t wrong = 0;
  Clock::duration slowest{};

  Tally& operator+=(const Tally& other) {
    lookups += other.lookups;
    found += other.found;
    wrong += other.wrong;
    slowest = std::max(slowest, other.slowest);
    return *this;
  }
};

std::vector<Line> read_lines(const char* path) {
  std::ifstream file(path);
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) lines.push_back({text, lines.size()});
  std::ranges::shuffle(lines, std::mt19937_64(1));
  return lines;
}

bool right(Line& line, const std::optional<std::uint64_t>& answer) {
  if (!answer) return !line.seen;
  line.seen = true;
  return *answer == line.number;
}

/// Looks one line up, and a key that nobody stores.
radish::Result<void> look_up(const radish::Tree& tree, Line& line, Tally& tally) {
  const auto start = Clock::now();
  const auto answer = tree.find(line.key);
  tally.slowest = std::max(tally.slowest, Clock::now() - start);
  if (!answer) return std::unexpected(answer.error());
  const auto stranger = tree.contains(line.key + '\x01');
  if (!stranger) return std::unexpected(stranger.error());
  tally.lookups += 2;
  tally.found += answer->has_value();
  tally.wrong += !right(line, *answer) + *stranger;
  return {};
}

void print(const char* name, const Tally& tally, double seconds) {
  fmt::print("  {}: {:>7.0f} thousand lookups/s, {:>5.1f} % found, {} wrong, slowest answer {:.2f} ms\n",
             name, static_cast<double>(tally.lookups) / seconds / 1000,
             200.0 * static_cast<double>(tally.found) /
                 static_cast<double>(std::max(tally.lookups, std::uint64_t{1})),
             tally.wrong, std::chrono::duration<double, std::milli>(tally.slowest).count());
  std::fflush(stdout);
}

/// Prints a line about every two seconds; everything in total.
radish::Result<Tally> read_until_stopped(const radish::Tree& tree, std::vector<Line>& lines,
                                         const char* name) {
  Tally total;
  Tally tally;
  auto start = Clock::now();
  for (std::size_t index = 0; stopped == 0; index = (index + 1) % lines.size()) {
    if (auto done = look_up(tree, lines[index], tally); !done) return std::unexpected(done.error());
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    if (elapsed.count() < 2) continue;
    print(name, tally, elapsed.count());
    total += tally;
    tally = {};
    start = Clock::now();
  }
  total += tally;
  return total;
}

/// Who sends SIGTERM says that the list is loaded: one more round, in which every line must be there.
radish::Result<void> last_round(const radish::Tree& tree, std::vector<Line>& lines, Tally& total) {
  for (Line& line : lines) {
    line.seen = true;
    if (auto done = look_up(tree, line, total); !done) return done;
  }
  return {};
}

int fail(const std::string& message) {
  fmt::print(stderr, "demo_reader: {}\n", message);
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: demo_reader TREE LIST NAME\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { stopped = 1; });
  auto lines = read_lines(argv[2]);
  const auto tree = radish::Tree::open(argv[1], {.must_exist = true});
  if (!tree) return fail(tree.error().message);
  if (lines.empty()) return fail("an empty list");
  auto total = read_until_stopped(*tree, lines, argv[3]);
  if (!total) return fail(total.error().message);
  if (auto done = last_round(*tree, lines, *total); !done) return fail(done.error().message);
  fmt::print("  {}: {} lookups in all, {} wrong\n", argv[3], total->lookups, total->wrong);
  return total->wrong == 0 ? 0 : 1;
}
