// Floor 3: the page map of segments above 1 GiB, whose summary has an upper level. The heaps are sparse.
#include <gtest/gtest.h>

#include "heap_fixture.h"

namespace radish::heap {
namespace {

constexpr std::uint64_t capacity_bytes = std::uint64_t{4} << 30;
constexpr std::uint64_t end_page = capacity_bytes / page_bytes;

/// Every page below the frontier is in use, or so the map says; the pages themselves are holes.
class LargePageMapTest : public ::testing::Test {
 protected:
  /// All but the last `left` pages have been used.
  void use_all_but(std::uint64_t left) const {
    segment_.roots().backed = end_page;
    segment_.roots().frontier = end_page - left;
  }
  std::uint64_t take_run(std::uint32_t count) {
    Transaction tx(segment_);
    const std::uint64_t first = take(take_pages(tx, count));
    EXPECT_LE(tx.planned(), take_pages_stores);
    tx.commit();
    for (std::uint64_t page = first; page < first + count; ++page) free_.erase(page);
    return first;
  }
  void give_run(std::uint64_t first, std::uint32_t count) {
    Transaction tx(segment_);
    take(give_pages(tx, static_cast<PageNumber>(first), count));
    EXPECT_LE(tx.planned(), give_pages_stores);
    tx.commit();
    for (std::uint64_t page = first; page < first + count; ++page) free_.insert(page);
  }
  /// M1 to M3, level by level.
  void expect_map() const {
    EXPECT_EQ(segment_.roots().free_pages, free_.size());
    std::set<std::uint64_t> bits = free_;
    std::uint64_t first = 0;
    for (const std::uint64_t words :
         {segment::page_map_words(capacity_bytes), segment::page_map_lower_words(capacity_bytes),
          segment::page_map_upper_words(capacity_bytes)}) {
      std::map<std::uint64_t, std::uint64_t> expected;
      for (const std::uint64_t bit : bits) expected[bit / 64] |= std::uint64_t{1} << bit % 64;
      bits.clear();
      for (std::uint64_t word = 0; word < words; ++word) {
        ASSERT_EQ(map_words(segment_)[first + word], expected.contains(word) ? expected[word] : 0) << word;
        if (expected.contains(word)) bits.insert(word);
      }
      first += words;
    }
  }

  Segment segment_ = make_segment(capacity_bytes);
  std::set<std::uint64_t> free_;
};

TEST_F(LargePageMapTest, UpperLevelComesWithMoreThan64WordsBelowIt) {
  constexpr std::uint64_t border_bytes = std::uint64_t{1} << 30;
  EXPECT_EQ(segment::page_map_lower_words(border_bytes), 64U);
  EXPECT_EQ(segment::page_map_upper_words(border_bytes), 0U);
  EXPECT_EQ(segment::page_map_upper_words(border_bytes + page_bytes), 2U);
  EXPECT_EQ(segment::page_map_upper_words(layout::capacity_bytes_max), 32U);
}

TEST_F(LargePageMapTest, LowestPageIsFoundWhereverItIs) {
  SCOPED_TRACE(tests::replay_command());
  std::mt19937_64 random(tests::seed());
  use_all_but(0);
  const std::uint64_t first = first_page(segment_);
  for (std::uint64_t round = 0; round < 300 * tests::scale(); ++round) {
    const auto count = static_cast<std::uint32_t>(random() % layout::run_pages_max + 1);
    const std::uint64_t page = first + random() % (end_page - first - count);
    const auto taken = free_.lower_bound(page);
    if (taken == free_.end() || *taken >= page + count) give_run(page, count);
    while (!free_.empty() && random() % 64 < 56) {
      const std::uint64_t lowest = *free_.begin();
      ASSERT_EQ(take_run(1), lowest);
    }
    if (round % 50 == 0) expect_map();
  }
  while (!free_.empty()) {
    const std::uint64_t lowest = *free_.begin();
    ASSERT_EQ(take_run(1), lowest);
  }
  expect_map();
}

TEST_F(LargePageMapTest, RunIsFoundAcrossTheBordersOfBothLevels) {
  use_all_but(0);
  for (const std::uint64_t border :
       {std::uint64_t{64}, std::uint64_t{64 * 64}, std::uint64_t{64 * 64 * 64}}) {
    const std::uint64_t first = 2 * border - 5;
    give_run(first, 17);
    expect_map();
    EXPECT_EQ(take_run(17), first);
    expect_map();
  }
}

TEST_F(LargePageMapTest, RunIsSoughtAmongFewPagesAsLongAsThereAreNewOnesAndAmongAllThen) {
  constexpr std::uint32_t new_pages = 3;
  use_all_but(new_pages);
  for (std::uint64_t word = 1000; word < 2000; ++word) give_run(word * 64, 1);
  give_run(std::uint64_t{3000} * 64, 3);
  EXPECT_EQ(take_run(new_pages), end_page - new_pages);
  EXPECT_EQ(take_run(3), std::uint64_t{3000} * 64);
  Transaction tx(segment_);
  EXPECT_EQ(refusal(take_pages(tx, 2)), Code::full);
  EXPECT_EQ(tx.planned(), 0U);
}

TEST(LargeHeapTest, CensusLooksAtTheUpperLevelAndBehindIt) {
  Heap heap(capacity_bytes);
  const Offset gone = heap.allocate(9000);
  heap.allocate(9000);
  heap.release(gone);
  EXPECT_TRUE(heap.is_sound());
  std::uint64_t* upper = summary_words(heap.segment()) + segment::page_map_lower_words(capacity_bytes);
  for (const std::uint64_t index : {0U, 3U, 4U}) {
    upper[index] ^= 2;
    EXPECT_EQ(refusal(heap.census()), Code::corrupt) << index;
    upper[index] ^= 2;
  }
  upper[0] = 0;
  EXPECT_EQ(refusal(heap.census()), Code::corrupt);
}

}  // namespace
}  // namespace radish::heap
