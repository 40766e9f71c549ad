// A trim that is killed before any one of its events, alone or beside a living attachment, and openers that
// look at the roots between any two of its stores.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "api/verify.h"
#include "scratch.h"
#include "seam/deaths.h"
#include "support.h"
#include "trees.h"

namespace radish::tests {
namespace {

using layout::page_bytes;
using probe::Watch;
using probe::Watched;

constexpr std::uint64_t kept = 50;
constexpr OpenOptions small = {.capacity_bytes = 640 << 10, .reader_slots = 4};

std::string key_of(std::uint64_t number) { return "kept " + std::to_string(number); }

class TrimDeathTest : public testing::Test {
 protected:
  TrimDeathTest() {
    Tree tree = take(Tree::open(path(), small));
    for (std::uint64_t number = 0; number < kept; ++number) take(tree.insert(key_of(number), number));
    take(tree.insert("third", 3));  // so that the root stays where it is when the others go
    std::uint64_t keys = 0;
    if (fill(tree, keys, "gone ").code != Code::full) throw std::runtime_error("the tree is not full");
    take(tree.erase_prefix("gone "));
    image_ = read_file(path());
  }

  [[nodiscard]] std::string path() const { return scratch_.file("tree"); }
  /// In pieces: ext4 keeps what is written at once in one folio, and gives the room of all of it back and
  /// takes it again as one.
  void restore() const {
    std::ofstream file(path(), std::ios::binary | std::ios::trunc);
    for (std::size_t begin = 0; begin < image_.size(); begin += page_bytes)
      file << image_.substr(begin, page_bytes) << std::flush;
  }
  [[nodiscard]] Tree open() const { return take(Tree::open(path(), small)); }
  /// Nothing is lost, and another trim ends what this one began.
  void expect_whole(Tree tree, std::uint64_t nth) const {
    EXPECT_TRUE(is_done(tree.verify())) << nth;
    EXPECT_EQ(take(tree.count()), kept + 1) << nth;
    for (std::uint64_t number = 0; number < kept; ++number)
      EXPECT_EQ(take(tree.find(key_of(number))), number) << nth;
    take(tree.trim());
    EXPECT_LT(take(tree.stats()).backed_bytes, std::uint64_t{100} << 10) << nth;
    EXPECT_TRUE(is_done(tree.verify())) << nth;
    if (nth % 10 != 0) return;
    std::uint64_t keys = 0;
    EXPECT_EQ(fill(tree, keys, "new ").code, Code::full) << nth;
    EXPECT_GT(keys, 3000U) << nth;
    EXPECT_TRUE(is_done(tree.verify())) << nth;
  }

  ScratchDirectory scratch_;
  std::string image_;

  void open_and_trim() const { take(open().trim()); }
  /// Of a process that opens, trims and closes.
  std::uint64_t count_events(Watched watched) const {
    restore();
    const Watch watch(watched);
    open_and_trim();
    return Watch::seen();
  }
  /// Every death of the last events of a trim, and some of those before, which dismantle and free: other
  /// tests kill in these.
  void each_late_death(const std::function<void(std::uint64_t)>& judge) const {
    const std::uint64_t events = count_events(Watched::writes);
    constexpr std::uint64_t last_events = 120, deaths_before = 10;
    ASSERT_GT(events, last_events);
    const std::uint64_t step = (events - last_events) / deaths_before + 1;
    for (std::uint64_t nth = 1; nth <= events; nth += nth + last_events < events ? step : 1) {
      restore();
      judge(nth);
    }
  }
};

TEST_F(TrimDeathTest, TrimKilledAnywhereLosesNothingAndIsEndedByTheNext) {
  each_late_death([&](std::uint64_t nth) {
    probe::dies(Watched::writes, nth, [&] { open_and_trim(); });
    expect_whole(open(), nth);
  });
}

TEST_F(TrimDeathTest, TrimKilledBesideALivingHandleLosesNothing) {
  each_late_death([&](std::uint64_t nth) {
    const Tree beside = open();
    probe::dies(Watched::writes, nth, [&] { open_and_trim(); });
    expect_whole(beside, nth);
  });
}

/// Between the last commit and the hole punch lie loads only.
TEST_F(TrimDeathTest, TrimKilledBeforeThePunchIsEndedByTheNext) {
  constexpr std::uint64_t last_events = 20, large_bytes = 400 << 10, small_bytes = 100 << 10;
  const std::uint64_t events = count_events(Watched::events);
  std::uint64_t before_the_punch = 0;
  for (std::uint64_t nth = events - last_events; nth <= events; ++nth) {
    restore();
    probe::dies(Watched::events, nth, [&] { open_and_trim(); });
    const bool is_lowered = take(open().stats()).backed_bytes < small_bytes;
    before_the_punch += is_lowered && stored_file_bytes(path()) > large_bytes ? 1 : 0;
    open_and_trim();
    EXPECT_LT(stored_file_bytes(path()), large_bytes / 2) << nth;
    expect_whole(open(), nth);
  }
  EXPECT_GT(before_the_punch, 0U);
}

TEST_F(TrimDeathTest, OpenerBesideATrimFindsSoundRoots) {
  Tree tree = open();
  const Party opener = attach(tree);
  std::uint64_t looks = 0, refusals = 0;
  {
    const Watch watch(Watched::writes, 0, [&] {
      ++looks;
      if (!detail::check_roots(opener.segment())) ++refusals;
    });
    take(tree.trim());
  }
  EXPECT_GT(looks, 1000U);
  EXPECT_EQ(refusals, 0U);
}

/// The other way round: a whole trim between two loads of a look at the roots.
TEST_F(TrimDeathTest, TrimBesideAnOpenerDoesNotMakeItRefuse) {
  std::uint64_t loads = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    restore();
    Tree tree = open();
    const Party opener = attach(tree);
    bool trimmed = false, trims = false;
    Expected<void> sound;
    {
      const Watch watch(Watched::events, 0, [&] {
        if (trims || trimmed || Watch::seen() != nth) return;
        trims = true;
        take(tree.clear());
        take(tree.trim());
        trimmed = true;
      });
      sound = detail::check_roots(opener.segment());
    }
    EXPECT_TRUE(sound) << nth << ": " << sound.error().what;
    if (!trimmed) break;
    ++loads;
  }
  EXPECT_GT(loads, 5U);
}

}  // namespace
}  // namespace radish::tests
