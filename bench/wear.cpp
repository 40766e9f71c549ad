// Whether a segment wears out: its whole content is replaced again and again, by keys of other lengths each
// time, and it must go on taking as many keys as a fresh one, as fast as at first.
//
// usage: radish_wear [--rounds N] [--capacity MIB] [--seed S] [--check]
//
// A round fills the segment with one kind of keys (words, paths, random 8-byte, 60,000 bytes) until it is
// full, and takes out those of the round before one by one in random order: either all of them first, or a
// part each time the segment is full, so that old and new keys share pages all the while. Turns of all four
// kinds are done in the one and the other manner alternately. Rates are of the thread's own processor time,
// the median of pieces of a round. What they are compared by is their share of a yardstick, the rate at which
// a smaller fresh segment takes the same keys, and loses them, in the same moments: so the machine may be
// slower for a while.
// --check ends with exit code 1 if a figure is not what is asked.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "key_set.h"
#include "measure.h"
#include "radish/tree.hpp"

namespace radish::bench {
namespace {

constexpr double room_asked = 0.9, speed_asked = 0.8;
constexpr std::size_t erase_parts = 64;
constexpr std::size_t pieces_max = 64;  ///< of a course of operations, each with a rate of its own
constexpr std::size_t long_key_bytes = 60'000;

struct Options {
  std::uint64_t rounds = 50;
  std::uint64_t capacity_mib = 16;
  std::uint64_t seed = std::random_device{}();
  bool check = false;
};

/// Keys without end, the same ones for the same index.
class Kind {
 public:
  explicit Kind(std::string name) : name_(std::move(name)) {
    if (name_ != long_name) keys_ = keys_of(name_);
  }
  static constexpr const char* long_name = "60 kB";

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string key(std::uint64_t index) const {
    if (keys_.empty()) return long_key(index);
    const std::string& key = keys_[index % keys_.size()];
    return index < keys_.size() ? key : fmt::format("{}~{}", key, index / keys_.size());
  }

 private:
  static std::string long_key(std::uint64_t index) {
    std::mt19937_64 random(index);
    std::string key;
    while (key.size() < long_key_bytes) key += static_cast<char>(random());
    return key;
  }
  std::string name_;
  std::vector<std::string> keys_;
};

/// The rate of many operations of one sort, as the median of that of pieces of them.
class Pace {
 public:
  /// Many operations, so many of them done.
  template <class Work>
  void time(Work work) {
    const double start_ns = cpu_ns();
    const std::uint64_t done = work();
    spans_.emplace_back(done, cpu_ns() - start_ns);
  }
  /// Thousands a second; 0 if there were none.
  [[nodiscard]] double rate() const {
    std::vector<double> rates;
    const std::size_t step = std::max<std::size_t>(spans_.size() / pieces_max, 1);
    for (std::size_t first = 0; first + step <= spans_.size(); first += step) {
      std::uint64_t done = 0;
      double spent_ns = 0;
      for (std::size_t index = first; index < first + step; ++index) {
        done += spans_[index].first;
        spent_ns += spans_[index].second;
      }
      if (done != 0) rates.push_back(static_cast<double>(done) / spent_ns * 1e6);
    }
    return rates.empty() ? 0 : median(rates);
  }

 private:
  std::vector<std::pair<std::uint64_t, double>> spans_;  ///< operations, and how long they took
};

Tree fresh_tree(const Options& options) {
  return take(Tree::create_memfd("wear", {.capacity_bytes = options.capacity_mib << 20}));
}

/// Puts keys in from `first` on until the tree is full; how many.
std::uint64_t fill(Tree& tree, const Kind& kind, std::uint64_t first, Pace& pace) {
  constexpr std::uint64_t span = 256;
  std::uint64_t index = first;
  std::vector<std::string> keys;
  for (bool full = false; !full;) {
    keys.clear();
    while (keys.size() < (kind.name() == Kind::long_name ? 4 : span))
      keys.push_back(kind.key(index + keys.size()));
    pace.time([&] {
      std::uint64_t done = 0;
      for (const std::string& key : keys) {
        const auto inserted = tree.insert(key, index + done);
        full = !inserted && inserted.error().code == Code::full;
        if (full) break;
        take(inserted);
        ++done;
      }
      index += done;
      return done;
    });
  }
  return index - first;
}

/// What a segment holds: keys of one kind, those still in it in the order in which they will go.
struct Content {
  const Kind* kind = nullptr;
  std::vector<std::uint64_t> indices{};
};

/// Takes the last `count` keys out.
void take_out(Tree& tree, Content& content, std::size_t count, Pace& pace) {
  std::vector<std::string> keys;
  for (; keys.size() < count && !content.indices.empty(); content.indices.pop_back())
    keys.push_back(content.kind->key(content.indices.back()));
  pace.time([&] {
    for (const std::string& key : keys)
      if (!take(tree.erase(key))) throw std::runtime_error("a key is gone that was put in");
    return keys.size();
  });
}

struct Row {
  const Kind* kind;
  const Kind* old_kind;
  bool interleaved;
  std::uint64_t keys;
  double room;  ///< keys, compared with a fresh segment
  double insert_rate;
  double erase_rate;
  double insert_share;  ///< of the yardstick's
  double erase_share;
};

class Wear {
 public:
  explicit Wear(const Options& options)
      : options_(options), random_(options.seed), tree_(fresh_tree(options)) {
    for (const char* name : {"words", "paths", "rand8", Kind::long_name}) kinds_.emplace_back(name);
    for (const Kind& kind : kinds_) {
      Tree fresh = fresh_tree(options);
      Pace pace;
      fresh_keys_.push_back(fill(fresh, kind, 0, pace));
    }
  }

  Row round(std::uint64_t number) {
    const std::size_t turn = number / kinds_.size();
    const Kind& kind = kinds_[number % kinds_.size()];
    const bool interleaved = turn % 2 == 1;
    Pace inserts, erases;
    const std::size_t part = interleaved ? content_.indices.size() / erase_parts + 1 : 1024;
    const Kind* old_kind = content_.kind;
    std::uint64_t keys = 0;
    while (!content_.indices.empty()) {
      take_out(tree_, content_, part, erases);
      if (interleaved) keys += fill(tree_, kind, keys, inserts);
    }
    keys += fill(tree_, kind, keys, inserts);
    content_ = {&kind, {}};
    for (std::uint64_t index = 0; index < keys; ++index) content_.indices.push_back(index);
    std::ranges::shuffle(content_.indices, random_);
    const double room = static_cast<double>(keys) / static_cast<double>(fresh_keys_[number % kinds_.size()]);
    return {&kind,
            old_kind,
            interleaved,
            keys,
            room,
            inserts.rate(),
            erases.rate(),
            inserts.rate() / yardstick(kind).first,
            old_kind == nullptr ? 0 : erases.rate() / yardstick(*old_kind).second};
  }

  void verify() const { take(tree_.verify()); }

  /// A kind's keys put into a small fresh segment, and out of it again: the rates.
  std::pair<double, double> yardstick(const Kind& kind) {
    Tree small = fresh_tree({.capacity_mib = std::max<std::uint64_t>(options_.capacity_mib / 4, 2)});
    Pace inserts, erases;
    Content content{&kind};
    const std::uint64_t keys = fill(small, kind, 0, inserts);
    for (std::uint64_t index = 0; index < keys; ++index) content.indices.push_back(index);
    std::ranges::shuffle(content.indices, random_);
    while (!content.indices.empty()) take_out(small, content, 1024, erases);
    return {inserts.rate(), erases.rate()};
  }

 private:
  const Options& options_;
  std::mt19937_64 random_;
  std::vector<Kind> kinds_;
  std::vector<std::uint64_t> fresh_keys_;
  Tree tree_;
  Content content_;
};

void print(std::uint64_t number, const Row& row) {
  fmt::print("{:>5}  {:<6} {:<11} {:>9} {:>6.1f}% {:>9.1f} {:>5.2f} {:>9.1f} {:>5.2f}\n", number,
             row.kind->name(), row.interleaved ? "interleaved" : "separate", row.keys, row.room * 100,
             row.insert_rate, row.insert_share, row.erase_rate, row.erase_share);
  std::fflush(stdout);
}

/// The least of the last share by the first one, over kinds of keys and manners; of three at each end, where
/// there are so many, the median.
double slowdown(const std::vector<Row>& rows, double Row::* share, const Kind* Row::* kind) {
  std::map<std::tuple<const Kind*, const Kind*, bool>, std::vector<double>> shares;
  for (const Row& row : rows)
    if (row.*share != 0) shares[{row.*kind, row.old_kind, row.interleaved}].push_back(row.*share);
  double least = 1;
  for (const auto& [what, course] : shares) {
    const auto count = static_cast<std::ptrdiff_t>(course.size() < 6 ? 1 : 3);
    least = std::min(least, median({course.end() - count, course.end()}) /
                                median({course.begin(), course.begin() + count}));
  }
  return least;
}

int run(const Options& options) {
  fmt::print("seed {}; again: radish_wear --rounds {} --capacity {} --seed {}\n\n", options.seed,
             options.rounds, options.capacity_mib, options.seed);
  fmt::print("{:>5}  {:<6} {:<11} {:>9} {:>7} {:>9} {:>5} {:>9} {:>5}\n", "round", "keys", "", "number",
             "of fresh", "inserts", "share", "erasures", "share");
  Wear wear(options);
  std::vector<Row> rows;
  for (std::uint64_t number = 0; number < options.rounds; ++number) {
    rows.push_back(wear.round(number));
    print(number + 1, rows.back());
    wear.verify();
  }
  const double room = std::ranges::min(rows, {}, &Row::room).room;
  fmt::print("\n{:<62} {:>10} {:>10}\n", "", "asked", "measured");
  Verdicts verdicts;
  verdicts.at_least("keys of a fresh segment, in the worst round", room_asked, room);
  verdicts.at_least("last round's inserts / first one's, the worst of all kinds", speed_asked,
                    slowdown(rows, &Row::insert_share, &Row::kind));
  verdicts.at_least("last round's erasures / first one's, the worst of all kinds", speed_asked,
                    slowdown(rows, &Row::erase_share, &Row::old_kind));
  fmt::print("after every round the heap's partition was proved, byte for byte\n");
  return options.check && !verdicts.all_met() ? 1 : 0;
}

}  // namespace
}  // namespace radish::bench

int main(int argc, char** argv) {
  radish::bench::Options options;
  CLI::App app("Whether a segment wears out");
  app.add_option("--rounds", options.rounds, "each replaces the whole content")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--capacity", options.capacity_mib, "of the segment, in MiB")
      ->check(CLI::Range(1, 32 << 10))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the order of erasures; random if not given");
  app.add_flag("--check", options.check, "exit code 1 if a figure is not what is asked");
  CLI11_PARSE(app, argc, argv);
  return radish::bench::run(options);
}
