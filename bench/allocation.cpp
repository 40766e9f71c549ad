// What an allocation costs in the largest segment, however full its page map is.
//
// usage: radish_allocation [--capacity MIB] [--seed S] [--check]
//
// The heap is sparse. Frontier and backing lie at its end (short of it: "new"), and the page map says which
// pages are free: some of a hundred in random places, or all of the free ones at the very end ("end"), where
// the search comes last. A turn takes blocks one by one, each in a transaction of its own, and gives most of
// them back afterwards, in random order. Times are of the thread's own processor time, medians of turns.
// --check ends with exit code 1 if the slowest of a row is further from the fastest than is asked.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "heap/heap.h"
#include "measure.h"
#include "sync/words.h"

namespace radish::bench {
namespace {

using layout::bits_per_word;
using layout::Offset;
using layout::page_bytes;
using segment::Segment;

constexpr std::size_t turns = 200, turns_of_runs = 5, blocks_a_turn = 128;

struct Options {
  std::uint64_t capacity_mib = 32 << 10;
  std::uint64_t seed = std::random_device{}();
  bool check = false;
};

/// Of the free pages. `beside_new`: in random places, and the frontier is not at the end yet.
enum class Place { random, end, beside_new };
struct Fullness {
  const char* name;
  double used;
  Place free;
};
constexpr Fullness fullnesses[] = {
    {"1 %", 0.01, Place::random},          {"50 %", 0.5, Place::random},
    {"99 %", 0.99, Place::random},         {"99.99 %", 0.9999, Place::random},
    {"50 %, end", 0.5, Place::end},        {"99.99 %, end", 0.9999, Place::end},
    {"50 %, new", 0.5, Place::beside_new}, {"99 %, new", 0.99, Place::beside_new},
};

struct Row {
  const char* name;
  std::uint64_t bytes;  ///< 0: a page of the map and nothing else
  double ratio_asked;   ///< of the slowest to the fastest; 0: only shown
};
// Where no new pages are left, the search for a run goes through the whole map.
constexpr Row rows[] = {
    {"a block of 16 bytes", 16, 2},
    {"a block of 1,040 bytes", 1040, 2},
    {"a page of the map", 0, 4},
    {"a block of 3,968 bytes (1 page)", 3968, 4},
    {"a block of 60,000 bytes (15 pages)", 60'000, 0},
};

Segment make_segment(const Options& options) {
  segment::OpenRequest request;
  request.capacity_bytes = options.capacity_mib << 20;
  request.identity = 1;
  return take(take(segment::create_memfd("allocation", request)).finish());
}

/// A heap whose every page has been used, and so many of them are free again. Nobody else sees it.
class Heap {
 public:
  Heap(const Options& options, const Fullness& fullness)
      : segment_(make_segment(options)), random_(options.seed) {
    const std::uint64_t pages = options.capacity_mib * ((1 << 20) / page_bytes);
    const std::uint64_t end = fullness.free == Place::beside_new ? pages - pages / 16 : pages;
    const std::uint64_t first = segment_.geometry().heap_offset / page_bytes;
    const auto used = static_cast<std::uint64_t>(static_cast<double>(end - first) * fullness.used);
    std::bernoulli_distribution is_used(fullness.used);
    for (std::uint64_t page = first; page < end; ++page)
      if (fullness.free == Place::end ? page - first >= used : !is_used(random_)) mark_free(page);
    sync::note(segment_.roots().frontier, end);
    sync::note(segment_.roots().backed, pages);
  }

  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] std::mt19937_64& random() { return random_; }

 private:
  void mark_free(std::uint64_t page) {
    const std::uint64_t words = segment::page_map_words(segment_.geometry().capacity_bytes);
    const std::uint64_t lower_words = segment::page_map_lower_words(segment_.geometry().capacity_bytes);
    const std::uint64_t index = page / bits_per_word;
    auto* map = reinterpret_cast<std::uint64_t*>(segment_.at(segment_.geometry().page_map_offset));
    map[index] |= std::uint64_t{1} << page % bits_per_word;
    const std::uint64_t lower = index / bits_per_word, upper = lower / bits_per_word;
    map[words + lower] |= std::uint64_t{1} << index % bits_per_word;
    if (segment::page_map_upper_words(segment_.geometry().capacity_bytes) != 0)
      map[words + lower_words + upper] |= std::uint64_t{1} << lower % bits_per_word;
    ++segment_.roots().free_pages;
  }
  Segment segment_;
  std::mt19937_64 random_;
};

Expected<Offset> take_page(txn::Transaction& tx) {
  const auto page = heap::take_pages(tx, 1);
  if (!page) return std::unexpected(page.error());
  return *page * page_bytes;
}

/// 0 if there is no room for it, which takes a search too.
Offset take_one(const Segment& segment, const Row& row) {
  txn::Transaction tx(segment);
  const auto block = row.bytes == 0 ? take_page(tx) : heap::allocate(tx, row.bytes);
  if (!block && block.error().code == Code::full) return 0;
  tx.commit();
  return take(block);
}

void give_one(const Segment& segment, const Row& row, Offset block) {
  txn::Transaction tx(segment);
  if (row.bytes == 0)
    take(heap::give_pages(tx, static_cast<layout::PageNumber>(block / page_bytes), 1));
  else
    take(heap::release(tx, block));
  tx.commit();
}

struct Cost {
  double ns;
  bool in_vain;  ///< most of them found no room
};

/// Of one allocation. The first turn touches the pages for the first time and does not count.
Cost cost_of(Heap& heap, const Row& row) {
  std::vector<Offset> blocks;
  std::vector<double> costs_ns;
  std::size_t found = 0;
  const std::size_t turns_here =
      heap::fits_slab(row.bytes) || row.bytes <= page_bytes ? turns : turns_of_runs;
  for (std::size_t turn = 0; turn <= turns_here; ++turn) {
    const double start_ns = cpu_ns();
    for (std::size_t count = 0; count < blocks_a_turn; ++count)
      blocks.push_back(take_one(heap.segment(), row));
    if (turn != 0) costs_ns.push_back((cpu_ns() - start_ns) / blocks_a_turn);
    found += blocks_a_turn - static_cast<std::size_t>(std::erase(blocks, Offset{0}));
    std::ranges::shuffle(blocks, heap.random());
    for (; blocks.size() > blocks_a_turn / 4; blocks.pop_back()) give_one(heap.segment(), row, blocks.back());
  }
  for (const Offset block : blocks) give_one(heap.segment(), row, block);
  return {median(std::move(costs_ns)), found < (turns_here + 1) * blocks_a_turn / 2};
}

int run(const Options& options) {
  fmt::print("seed {}; again: radish_allocation --capacity {} --seed {}\n\n", options.seed,
             options.capacity_mib, options.seed);
  std::vector<std::vector<Cost>> costs(std::size(rows));
  for (const Fullness& fullness : fullnesses) {
    Heap heap(options, fullness);
    for (std::size_t row = 0; row < std::size(rows); ++row) costs[row].push_back(cost_of(heap, rows[row]));
  }
  fmt::print("{:<36}", "nanoseconds; pages in use:");
  for (const Fullness& fullness : fullnesses) fmt::print(" {:>13}", fullness.name);
  for (std::size_t row = 0; row < std::size(rows); ++row) {
    fmt::print("\n{:<36}", rows[row].name);
    for (const Cost& cost : costs[row])
      fmt::print(" {:>13}", fmt::format("{:.0f}{}", cost.ns, cost.in_vain ? " *" : ""));
  }
  fmt::print("\n* in vain: so many free pages in a row are hardly to be found\n\n{:<62} {:>10} {:>10}\n", "",
             "asked", "measured");
  Verdicts verdicts;
  for (std::size_t row = 0; row < std::size(rows); ++row) {
    const auto [least, most] = std::ranges::minmax(costs[row], {}, &Cost::ns);
    const std::string what = fmt::format("{}: slowest / fastest", rows[row].name);
    if (rows[row].ratio_asked != 0)
      verdicts.at_most(what, rows[row].ratio_asked, most.ns / least.ns);
    else
      fmt::print("{:<62} {:>10} {:>10.3f}\n", what, "-", most.ns / least.ns);
  }
  return options.check && !verdicts.all_met() ? 1 : 0;
}

}  // namespace
}  // namespace radish::bench

int main(int argc, char** argv) {
  radish::bench::Options options;
  CLI::App app("What an allocation costs");
  app.add_option("--capacity", options.capacity_mib, "of the segment, in MiB")
      ->check(CLI::Range(64, 32 << 10))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the places of the free pages; random if not given");
  app.add_flag("--check", options.check, "exit code 1 if a figure is not what is asked");
  CLI11_PARSE(app, argc, argv);
  return radish::bench::run(options);
}
