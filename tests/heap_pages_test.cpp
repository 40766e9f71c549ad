// Floor 3, the lower half: size classes and the page map.
#include <gtest/gtest.h>

#include "heap_fixture.h"

namespace radish::heap {
namespace {

// --- classes ---

TEST(HeapClassesTest, EverySizeHasAClassThatHoldsIt) {
  for (std::uint32_t bytes = 1; fits_slab(bytes); ++bytes) {
    const std::uint32_t size_class = class_of(bytes);
    ASSERT_LT(size_class, class_count) << bytes;
    ASSERT_GE(class_bytes[size_class], bytes);
    ASSERT_TRUE(size_class == 0 || class_bytes[size_class - 1] < bytes) << "a smaller class would do";
    ASSERT_LE(slots_of(size_class) * class_bytes[size_class], page_body_bytes);
  }
}

TEST(HeapClassesTest, SmallSlotsWasteLessThanTheirStepAndLargeOnesAtMostOneSlotAPage) {
  for (std::uint32_t bytes = slot_bytes_min; fits_slab(bytes); ++bytes) {
    const std::uint32_t slot_bytes = class_bytes[class_of(bytes)];
    if (bytes <= 128) {
      ASSERT_LT(slot_bytes - bytes, 8) << bytes;
    } else if (bytes <= 256) {
      ASSERT_LT(slot_bytes - bytes, 16) << bytes;
    } else {
      ASSERT_GE(slots_of(class_of(bytes)) + 1, page_body_bytes / bytes) << bytes;
    }
  }
}

TEST(HeapClassesTest, RunsAreAsShortAsTheyCanBe) {
  for (std::uint64_t bytes = two_slots_bytes + 1; bytes <= largest_block_bytes; ++bytes) {
    const std::uint32_t pages = run_pages_of(bytes);
    ASSERT_LE(pages, layout::run_pages_max);
    ASSERT_GE(run_bytes(pages), bytes);
    ASSERT_TRUE(pages == 1 || run_bytes(pages - 1) < bytes);
  }
}

TEST(HeapClassesTest, SlotsStartWhereTheShapeSaysAndNowhereElse) {
  for (std::uint32_t size_class = 0; size_class < class_count; ++size_class) {
    const PageShape shape{layout::PageKind::slab, size_class, 1};
    std::uint32_t found = 0;
    for (std::uint32_t offset = 0; offset < page_bytes; ++offset) found += shape.slot_at(offset) == found;
    EXPECT_EQ(found, slots_of(size_class));
  }
}

// --- page map ---

class PageMapTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t capacity_bytes = 2 << 20;

  std::uint64_t take_run(std::uint32_t count) {
    Transaction tx(segment_);
    const std::uint64_t first = take(take_pages(tx, count));
    EXPECT_LE(tx.planned(), take_pages_stores);
    tx.commit();
    return first;
  }
  void give_run(std::uint64_t first, std::uint32_t count) {
    Transaction tx(segment_);
    take(give_pages(tx, static_cast<PageNumber>(first), count));
    EXPECT_LE(tx.planned(), give_pages_stores);
    tx.commit();
  }
  /// Every page of the capacity is taken.
  void take_everything() {
    const std::uint64_t end = capacity_bytes / page_bytes;
    for (std::uint64_t left = end - segment_.roots().frontier; left != 0; --left) take_run(1);
    ASSERT_EQ(segment_.roots().frontier, end);
  }
  /// M1 to M4, with these pages free and no others.
  void expect_free(const std::set<std::uint64_t>& pages) {
    const layout::Roots& roots = segment_.roots();
    EXPECT_EQ(roots.free_pages, pages.size());
    EXPECT_LE(roots.frontier, roots.backed);
    EXPECT_LE(roots.backed, capacity_bytes / page_bytes);
    const std::uint64_t words = segment::page_map_words(capacity_bytes);
    for (std::uint64_t word = 0; word < words; ++word) {
      std::uint64_t bits = 0;
      for (std::uint64_t bit = 0; bit < 64; ++bit)
        bits |= std::uint64_t{pages.contains(word * 64 + bit)} << bit;
      EXPECT_EQ(map_words(segment_)[word], bits) << "word " << word;
      EXPECT_EQ(summary_words(segment_)[word / 64] >> word % 64 & 1, bits != 0) << "word " << word;
    }
  }

  Segment segment_ = make_segment(capacity_bytes);
};

TEST_F(PageMapTest, RunsOfEveryLengthGoAndComeAcrossWordBorders) {
  take_everything();
  for (std::uint32_t count = 1; count <= layout::run_pages_max; ++count)
    for (std::uint64_t first = 128 - count - 1; first <= 128 + 1; ++first) {
      give_run(first, count);
      std::set<std::uint64_t> pages;
      for (std::uint64_t page = first; page < first + count; ++page) pages.insert(page);
      expect_free(pages);
      ASSERT_EQ(take_run(count), first);
      expect_free({});
    }
}

TEST_F(PageMapTest, ShortRunsArePassedOverForOneThatFits) {
  take_everything();
  for (const std::uint64_t page : {100U, 101U, 103U, 126U, 127U, 128U, 129U}) give_run(page, 1);
  EXPECT_EQ(take_run(4), 126U);
  EXPECT_EQ(take_run(2), 100U);
  EXPECT_EQ(take_run(1), 103U);
  expect_free({});
}

TEST_F(PageMapTest, PagesThatAreNotNeighboursMakeNoRun) {
  for (int count = 0; count < 8; ++count) take_run(1);
  const std::uint64_t frontier = segment_.roots().frontier;
  for (std::uint64_t page = frontier - 7; page < frontier; page += 2) give_run(page, 1);
  EXPECT_EQ(take_run(2), frontier) << "new pages at the frontier";
  EXPECT_EQ(segment_.roots().free_pages, 4U);
}

TEST_F(PageMapTest, PagesAWordApartMakeNoRun) {
  take_everything();
  give_run(127, 1);
  give_run(192, 1);
  Transaction tx(segment_);
  EXPECT_EQ(refusal(take_pages(tx, 2)), Code::full);
}

TEST_F(PageMapTest, BackingGoesAStepAhead) {
  const std::uint64_t backed = segment_.roots().backed;
  for (int count = 0; count < 64; ++count) {
    take_run(1);
    EXPECT_EQ(segment_.roots().backed, backed + 64);
  }
  take_run(1);
  EXPECT_EQ(segment_.roots().backed, backed + 128);
}

TEST_F(PageMapTest, RunAtTheEndOfTheCapacityIsFullWhenOnePageIsMissing) {
  while (capacity_bytes / page_bytes - segment_.roots().frontier > 3) take_run(1);
  Transaction tx(segment_);
  EXPECT_EQ(refusal(take_pages(tx, 4)), Code::full);
  EXPECT_EQ(tx.planned(), 0U);
  take(take_pages(tx, 3));
  EXPECT_EQ(refusal(take_pages(tx, 1)), Code::full);
}

TEST_F(PageMapTest, LowestRunOfEveryLengthIsFoundAmongRandomPages) {
  SCOPED_TRACE(tests::replay_command());
  std::mt19937_64 random(tests::seed());
  take_everything();
  std::set<std::uint64_t> pages;
  const auto starts_run = [&](std::uint64_t page, std::uint32_t count) {
    for (std::uint32_t index = 0; index < count; ++index)
      if (!pages.contains(page + index)) return false;
    return true;
  };
  for (std::uint64_t round = 0; round < 100; ++round) {
    for (std::uint64_t page = first_page(segment_); page < capacity_bytes / page_bytes; ++page)
      if (random() % 20 <= round % 20) pages.insert(page);
    for (const std::uint64_t page : pages) give_run(page, 1);
    for (std::uint32_t count = layout::run_pages_max; count != 0; --count) {
      const auto lowest =
          std::ranges::find_if(pages, [&](std::uint64_t page) { return starts_run(page, count); });
      if (lowest == pages.end()) continue;
      const std::uint64_t first = *lowest;
      ASSERT_EQ(take_run(count), first) << count << " pages";
      for (std::uint32_t index = 0; index < count; ++index) pages.erase(first + index);
    }
    expect_free(pages);
    while (!pages.empty()) pages.erase(take_run(1));
  }
}

TEST_F(PageMapTest, FreePageOutsideTheHeapIsCorrupt) {
  take_run(1);
  for (const std::uint64_t page : {first_page(segment_) - 1, segment_.roots().frontier}) {
    map_words(segment_)[page / 64] = std::uint64_t{1} << page % 64;
    summary_words(segment_)[0] = std::uint64_t{1} << page / 64;
    segment_.roots().free_pages = 1;
    Transaction tx(segment_);
    EXPECT_EQ(refusal(take_pages(tx, 1)), Code::corrupt);
  }
}

TEST_F(PageMapTest, GivingAFreePageIsCorrupt) {
  const std::uint64_t first = take_run(3);
  give_run(first + 1, 1);
  Transaction tx(segment_);
  EXPECT_EQ(refusal(give_pages(tx, static_cast<PageNumber>(first), 3)), Code::corrupt);
}

TEST_F(PageMapTest, FrontierOutsideTheHeapIsCorrupt) {
  const std::uint64_t frontier = segment_.roots().frontier;
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, frontier - 1, capacity_bytes / page_bytes + 1, UINT64_MAX}) {
    segment_.roots().frontier = wrong;
    Transaction tx(segment_);
    EXPECT_EQ(refusal(take_pages(tx, 1)), Code::corrupt) << wrong;
  }
}

TEST_F(PageMapTest, BackingBehindTheFrontierIsCorruptRatherThanBackedAgain) {
  take_run(10);
  segment_.roots().backed = segment_.roots().frontier - 5;
  Transaction tx(segment_);
  EXPECT_EQ(refusal(take_pages(tx, 1)), Code::corrupt);
}

TEST_F(PageMapTest, PlanTakesNoPageThatItGaveBack) {
  const std::uint64_t page = take_run(1);
  Transaction tx(segment_);
  take(give_pages(tx, static_cast<PageNumber>(page), 1));
  EXPECT_NE(take(take_pages(tx, 1)), page);
}

}  // namespace
}  // namespace radish::heap
