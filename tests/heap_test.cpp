// Floor 3: size classes, the page map, slots and runs, retirement, and the census that proves the partition.
#include "heap/heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "attachments.h"
#include "heap/census.h"
#include "heap/lists.h"
#include "heap/page.h"
#include "mounts.h"
#include "scratch.h"
#include "support.h"

namespace radish::heap {
namespace {

using layout::page_bytes;
using layout::PageHeader;
using segment::Segment;
using tests::refusal;
using tests::subject;
using tests::take;
using txn::Transaction;

constexpr std::uint64_t every_pin = UINT64_MAX;
constexpr std::uint64_t two_slots_bytes = class_bytes[class_count - 1];
constexpr std::uint64_t largest_block_bytes = 65552;

Segment make_segment(std::uint64_t capacity_bytes) {
  segment::OpenRequest request;
  request.capacity_bytes = capacity_bytes;
  request.reader_slots = 16;
  request.identity = 1;
  return take(take(segment::create_memfd("heap", request)).finish());
}

std::uint64_t first_page(const Segment& segment) { return segment.geometry().heap_offset / page_bytes; }
PageHeader& header(const Segment& segment, std::uint64_t page) {
  return *reinterpret_cast<PageHeader*>(segment.at(page * page_bytes));
}
std::uint64_t* map_words(const Segment& segment) {
  return reinterpret_cast<std::uint64_t*>(segment.at(segment.geometry().page_map_offset));
}
std::uint64_t* summary_words(const Segment& segment) {
  return map_words(segment) + segment::page_map_words(segment.geometry().capacity_bytes);
}

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

// --- blocks ---

/// A heap, and what is known of it: which blocks are in use, with what in them.
class Heap {
 public:
  struct Block {
    std::uint64_t bytes;
    std::uint8_t pattern;
  };
  struct Retired {
    Block block;
    std::uint64_t epoch;
  };

  explicit Heap(std::uint64_t capacity_bytes = 1 << 20) : segment_(make_segment(capacity_bytes)) {}

  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] std::map<Offset, Block>& blocks() { return blocks_; }
  [[nodiscard]] std::uint64_t epoch() const { return segment_.roots().epoch; }

  /// One block, by a transaction of its own.
  Offset allocate(std::uint64_t bytes) {
    Transaction tx(segment_);
    const Offset block = take(heap::allocate(tx, bytes));
    EXPECT_LE(tx.planned(), allocate_stores);
    fill(tx, block, bytes);
    tx.commit();
    return block;
  }
  void release(Offset block) {
    Transaction tx(segment_);
    take(heap::release(tx, block));
    EXPECT_LE(tx.planned(), release_stores);
    tx.commit();
    blocks_.erase(block);
  }
  void retire(Offset block) {
    Transaction tx(segment_);
    take(heap::retire(tx, block));
    EXPECT_LE(tx.planned(), retire_stores);
    tx.commit();
    blocks_.erase(block);
  }
  ReclaimResult reclaim(std::uint64_t oldest_pin_epoch = every_pin) {
    Transaction tx(segment_);
    const ReclaimResult result = take(reclaim_step(tx, oldest_pin_epoch));
    EXPECT_LE(tx.planned(), reclaim_pages_per_step * reclaim_page_stores + 2);
    tx.commit();
    return result;
  }
  void fill(Transaction& tx, Offset block, std::uint64_t bytes) {
    const auto pattern = static_cast<std::uint8_t>(++fills_);
    const std::vector<std::uint8_t> content(bytes, pattern);
    tx.fill(block, content.data(), content.size());
    blocks_[block] = {bytes, pattern};
  }
  [[nodiscard]] bool is_intact(Offset offset, const Block& block) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment_.at(offset));
    return std::all_of(bytes, bytes + block.bytes, [&](std::uint8_t byte) { return byte == block.pattern; });
  }
  [[nodiscard]] Expected<void> census() const {
    auto census = Census::begin(segment_);
    if (!census) return std::unexpected(census.error());
    for (const auto& [offset, block] : blocks_) RADISH_TRY(census->count_block(offset, block.bytes));
    return census->finish();
  }
  [[nodiscard]] ::testing::AssertionResult is_sound() const {
    for (const auto& [offset, block] : blocks_)
      if (!is_intact(offset, block)) return ::testing::AssertionFailure() << "block " << offset << " changed";
    const auto result = census();
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << result.error().what << ", subject " << result.error().subject;
  }
  void expect_all_free() {
    EXPECT_EQ(segment_.roots().free_pages, segment_.roots().frontier - first_page(segment_));
    EXPECT_TRUE(is_sound());
  }

 private:
  Segment segment_;
  std::map<Offset, Block> blocks_;
  std::uint64_t fills_ = 0;
};

std::uint64_t page_of(Offset block) { return block / page_bytes; }

TEST(HeapTest, BlocksOfEverySizeLieApartAndComeBack) {
  Heap heap(8 << 20);
  std::vector<Offset> blocks;
  for (std::uint64_t bytes = 1; bytes <= largest_block_bytes; bytes += bytes < 2100 ? 7 : 2899)
    blocks.push_back(heap.allocate(bytes));
  blocks.push_back(heap.allocate(largest_block_bytes));
  ASSERT_TRUE(heap.is_sound());
  for (const Offset block : blocks) {
    EXPECT_EQ(block % layout::reference_unit_bytes, 0U);
    heap.release(block);
  }
  heap.expect_all_free();
}

TEST(HeapTest, BlockLargerThanAnyKeyNeedsIsCorrupt) {
  Heap heap;
  for (const std::uint64_t bytes : {block_bytes_max + 1, std::uint64_t{1} << 40, UINT64_MAX}) {
    Transaction tx(heap.segment());
    EXPECT_EQ(refusal(allocate(tx, bytes)), Code::corrupt);
  }
}

TEST(HeapTest, OnePlanNeverGetsABlockTwice) {
  Heap heap;
  heap.allocate(16);
  Transaction tx(heap.segment());
  std::set<Offset> blocks;
  for (int count = 0; count < 12; ++count) {
    EXPECT_TRUE(blocks.insert(take(allocate(tx, 16))).second);
    EXPECT_TRUE(blocks.insert(take(allocate(tx, two_slots_bytes))).second);
    EXPECT_TRUE(blocks.insert(take(allocate(tx, 5000))).second);
  }
}

TEST(HeapTest, FullHeapRefusesAndThePlanCanBeDropped) {
  Heap heap(layout::capacity_bytes_min);
  for (const std::uint64_t bytes : {std::uint64_t{5000}, two_slots_bytes, std::uint64_t{16}}) {
    for (;;) {
      Transaction tx(heap.segment());
      const auto first = allocate(tx, bytes);
      const auto second = first ? allocate(tx, bytes) : first;
      if (!second) {
        EXPECT_EQ(refusal(second), Code::full);
        break;  // drops what the first one planned
      }
      heap.fill(tx, *first, bytes);
      heap.fill(tx, *second, bytes);
      tx.commit();
    }
    ASSERT_TRUE(heap.is_sound());
  }
  while (!heap.blocks().empty()) heap.release(heap.blocks().begin()->first);
  heap.expect_all_free();
  EXPECT_EQ(heap.segment().roots().backed, layout::capacity_bytes_min / page_bytes);
}

/// Takes single pages until that fails; how many, and why it failed.
std::pair<std::uint64_t, Code> take_all_pages(const Segment& segment) {
  for (std::uint64_t count = 0;; ++count) {
    Transaction tx(segment);
    if (const auto page = take_pages(tx, 1); !page)
      return {count, tx.planned() == 0 ? refusal(page) : tests::no_fault};
    tx.commit();
  }
}

TEST(HeapTest, NearlyFullDiskGivesItsLastPagesAndThenRefuses) {
  constexpr std::uint64_t room_pages = 100;  // backing a step ahead fails for the second time
  constexpr std::uint64_t capacity_bytes = 4 << 20;
  const tests::ScratchDirectory scratch;
  const std::uint64_t disk_bytes = (first_page(make_segment(capacity_bytes)) + room_pages) * page_bytes;
  RADISH_EXPECT_IN_OWN_MOUNT(scratch.file(""), "size=" + std::to_string(disk_bytes), [&] {
    segment::OpenRequest request;
    request.capacity_bytes = capacity_bytes;
    request.reader_slots = 16;
    const Segment segment = take(take(segment::open_path(scratch.file("tree"), request)).finish());
    const auto [count, code] = take_all_pages(segment);
    if (code != Code::no_space) return 1;
    if (count != room_pages) return 2;
    return segment.roots().backed == segment.roots().frontier ? 0 : 3;
  });
}

TEST(HeapTest, AbandonedPlanChangesNothing) {
  Heap heap;
  std::vector<Offset> blocks;
  for (const std::uint64_t bytes : {16UL, 16UL, 40UL, 900UL, two_slots_bytes, 9000UL})
    blocks.push_back(heap.allocate(bytes));
  heap.retire(blocks[1]);
  const Segment& segment = heap.segment();
  const std::byte* begin = segment.at(segment.geometry().roots_offset);
  const std::byte* end = segment.at(segment.roots().frontier * page_bytes);
  const std::vector<std::byte> before(begin, end);
  Transaction tx(segment);
  take(reclaim_step(tx, every_pin));
  for (const std::uint64_t bytes : {16U, 1000U, 12000U}) (void)take(allocate(tx, bytes));
  take(release(tx, blocks[5]));
  take(release(tx, blocks[4]));
  take(retire(tx, blocks[2]));
  take(retire(tx, blocks[3]));
  tx.reset();
  tx.commit();
  EXPECT_TRUE(std::equal(before.begin(), before.end(), begin));
  EXPECT_TRUE(heap.is_sound());
}

TEST(HeapTest, ReleasingOrRetiringWhatIsNoBlockInUseIsCorrupt) {
  Heap heap;
  const Offset kept = heap.allocate(100), freed = heap.allocate(100), retired = heap.allocate(100);
  const Offset run = heap.allocate(9000), gone = heap.allocate(9000);
  heap.release(freed);
  heap.retire(retired);
  heap.release(gone);
  const std::vector<Offset> wrong{freed,
                                  retired,
                                  gone,
                                  kept + 8,
                                  kept - page_bytes,
                                  run + 8,
                                  0,
                                  run + page_bytes,
                                  page_of(kept) * page_bytes,
                                  heap.segment().roots().frontier * page_bytes + sizeof(PageHeader),
                                  heap.segment().geometry().roots_offset + sizeof(PageHeader),
                                  std::uint64_t{1} << 40,
                                  UINT64_MAX - 7};
  for (const Offset block : wrong) {
    Transaction tx(heap.segment());
    EXPECT_EQ(refusal(release(tx, block)), Code::corrupt) << block;
    EXPECT_EQ(refusal(retire(tx, block)), Code::corrupt) << block;
    EXPECT_EQ(tx.planned(), 0U);
  }
  EXPECT_TRUE(heap.is_sound());
}

TEST(HeapTest, PlanDoesNotReleaseTwice) {
  Heap heap;
  const Offset block = heap.allocate(100);
  heap.allocate(100);
  Transaction tx(heap.segment());
  take(release(tx, block));
  EXPECT_EQ(refusal(release(tx, block)), Code::corrupt);
  EXPECT_EQ(refusal(retire(tx, block)), Code::corrupt);
}

// The state before the plan still has what the plan frees, and a kill brings that state back.
TEST(HeapTest, PlanDoesNotTakeWhatItFrees) {
  for (const std::uint64_t bytes : {std::uint64_t{16}, two_slots_bytes, std::uint64_t{9000}}) {
    Heap heap;
    const Offset freed = heap.allocate(bytes);
    heap.allocate(bytes);
    heap.allocate(bytes);
    Transaction tx(heap.segment());
    take(release(tx, freed));
    const Offset taken = take(allocate(tx, bytes));
    EXPECT_NE(taken, freed);
    const std::vector<std::byte> scribble(bytes, std::byte{0xee});
    tx.fill(taken, scribble.data(), scribble.size());
    tx.reset();
    EXPECT_TRUE(heap.is_sound());
  }
}

TEST(HeapTest, PlanThatFreesAWholePageAndAllocatesLeavesItAlone) {
  Heap heap;
  const Offset first = heap.allocate(two_slots_bytes), second = heap.allocate(two_slots_bytes);
  Transaction tx(heap.segment());
  take(release(tx, first));
  take(release(tx, second));
  const Offset small = take(allocate(tx, 16)), large = take(allocate(tx, two_slots_bytes));
  EXPECT_NE(page_of(small), page_of(first));
  EXPECT_NE(page_of(large), page_of(first));
  EXPECT_EQ(heap.census().has_value(), true) << "until the plan is armed";
  heap.blocks().clear();
  heap.fill(tx, small, 16);
  heap.fill(tx, large, two_slots_bytes);
  tx.commit();
  EXPECT_TRUE(heap.is_sound());
}

TEST(HeapTest, PlanDoesNotReleaseWhatItTook) {
  Heap heap;
  heap.allocate(16);
  for (const std::uint64_t bytes : {16U, 1000U, 9000U}) {
    Transaction tx(heap.segment());
    const Offset block = take(allocate(tx, bytes));
    EXPECT_EQ(refusal(release(tx, block)), Code::corrupt);
    EXPECT_EQ(refusal(retire(tx, block)), Code::corrupt);
  }
  EXPECT_TRUE(heap.is_sound());
}

TEST(HeapTest, PageMovesBetweenFullPartialAndFree) {
  Heap heap;
  const Offset first = heap.allocate(two_slots_bytes);
  const auto& head = heap.segment().roots().partial_head[class_count - 1];
  EXPECT_EQ(head, page_of(first));
  const Offset second = heap.allocate(two_slots_bytes);
  EXPECT_EQ(page_of(second), page_of(first));
  EXPECT_EQ(head, 0U) << "full";
  heap.release(first);
  EXPECT_EQ(head, page_of(first));
  heap.release(second);
  EXPECT_EQ(head, 0U);
  heap.expect_all_free();
}

TEST(HeapTest, PageLeavesTheMiddleOfItsPartialList) {
  for (const std::size_t leaver : {0U, 1U, 2U}) {
    Heap heap;
    std::vector<Offset> blocks;
    for (int count = 0; count < 6; ++count) blocks.push_back(heap.allocate(two_slots_bytes));
    for (const std::size_t slot : {0U, 2U, 4U}) heap.release(blocks[slot]);
    ASSERT_TRUE(heap.is_sound());
    heap.release(blocks[leaver * 2 + 1]);
    EXPECT_TRUE(heap.is_sound()) << leaver;
  }
}

// --- retirement ---

TEST(HeapTest, RetiredSlotWaitsWhileAPinIsNotGreater) {
  Heap heap;
  const Offset block = heap.allocate(two_slots_bytes);
  heap.allocate(two_slots_bytes);
  const std::uint64_t epoch = heap.epoch();
  heap.retire(block);
  for (const std::uint64_t pin : {epoch, epoch - 1, epoch}) {
    const ReclaimResult result = heap.reclaim(pin);
    EXPECT_EQ(result.slots_freed, 0U);
    EXPECT_TRUE(result.blocked);
    EXPECT_NE(page_of(heap.allocate(two_slots_bytes)), page_of(block));
    ASSERT_TRUE(heap.is_sound());
  }
  const ReclaimResult result = heap.reclaim(epoch + 1);
  EXPECT_EQ(result.slots_freed, 1U);
  EXPECT_FALSE(result.blocked);
  EXPECT_EQ(heap.segment().roots().waiting_pages, 0U);
  EXPECT_EQ(heap.segment().roots().partial_head[class_count - 1], page_of(block));
  EXPECT_EQ(heap.allocate(two_slots_bytes), block);
}

TEST(HeapTest, RealPinHoldsASlotUntilItIsGone) {
  tests::Place place;
  const Segment& segment = place.first().segment();
  const auto in_plan = [&](const auto& change) {
    Transaction tx(segment);
    const auto result = change(tx);
    tx.commit();
    return take(result);
  };
  const auto reclaim = [&] {
    return in_plan([&](Transaction& tx) { return reclaim_step(tx, sync::oldest_pin(segment).epoch); });
  };
  const Offset block = in_plan([](Transaction& tx) { return allocate(tx, 16); });
  {
    const sync::Pin pin = take(sync::Pin::take(*place.first().attachment));
    in_plan([&](Transaction& tx) { return retire(tx, block); });
    for (int count = 0; count < 3; ++count) EXPECT_TRUE(reclaim().blocked);
  }
  const sync::Pin later = take(sync::Pin::take(*place.first().attachment));
  EXPECT_EQ(reclaim().slots_freed, 1U) << "who pins now cannot have seen the block";
}

TEST(HeapTest, LaterRetirementHoldsBackTheGenerationThatItJoins) {
  Heap heap;
  const Offset first = heap.allocate(16), second = heap.allocate(16);
  const std::uint64_t epoch = heap.epoch();
  heap.retire(first);
  heap.reclaim(0);  // nothing can go; what was young is old now
  heap.retire(second);
  EXPECT_EQ(heap.reclaim(epoch + 1).slots_freed, 1U) << "the old generation alone";
  EXPECT_EQ(heap.reclaim(epoch + 1).slots_freed, 0U);
  EXPECT_EQ(heap.reclaim(epoch + 2).slots_freed, 1U);
  heap.expect_all_free();
}

TEST(HeapTest, BusyPageGetsItsOldGenerationBack) {
  Heap heap;
  std::vector<Offset> blocks;
  for (int count = 0; count < 100; ++count) blocks.push_back(heap.allocate(16));
  std::uint64_t freed = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    heap.retire(blocks[round]);
    freed += heap.reclaim(heap.epoch()).slots_freed;  // there is always a reader of the current epoch
    EXPECT_GE(freed + 1, round) << "at most the slots of the last two rounds wait";
    ASSERT_TRUE(heap.is_sound());
  }
}

TEST(HeapTest, WaitingPagesTakeTurns) {
  Heap heap;
  std::vector<Offset> blocks;
  for (int count = 0; count < 20; ++count) blocks.push_back(heap.allocate(3000));
  const std::uint64_t epoch = heap.epoch();
  for (const Offset block : blocks) heap.retire(block);
  for (int count = 0; count < 20; ++count) {
    EXPECT_EQ(heap.reclaim(epoch).slots_freed, 0U);
    ASSERT_TRUE(heap.is_sound());
  }
  for (int count = 0; count < 5; ++count) EXPECT_EQ(heap.reclaim().slots_freed, reclaim_pages_per_step);
  heap.expect_all_free();
}

TEST(HeapTest, LastSlotsOfAPageGoBackTogether) {
  Heap heap;
  std::vector<Offset> blocks;
  for (std::uint32_t slot = 0; slot < slots_of(0); ++slot) blocks.push_back(heap.allocate(16));
  EXPECT_EQ(page_of(blocks.front()), page_of(blocks.back()));
  for (const Offset block : blocks) heap.retire(block);
  EXPECT_EQ(heap.reclaim().slots_freed, slots_of(0));
  heap.expect_all_free();
}

TEST(HeapTest, ReclaimingAdvancesTheEpochAndRefusesOneOutOfBounds) {
  Heap heap;
  const std::uint64_t epoch = heap.epoch();
  heap.reclaim();
  EXPECT_EQ(heap.epoch(), epoch + 1);
  for (const std::uint64_t wrong : {std::uint64_t{0}, epoch_max + 1, UINT64_MAX}) {
    heap.segment().roots().epoch = wrong;
    Transaction tx(heap.segment());
    EXPECT_EQ(refusal(reclaim_step(tx, every_pin)), Code::corrupt);
  }
}

TEST(HeapDeathTest, ReclaimAfterARetirementInOnePlanEndsTheProcess) {
  Heap heap;
  const Offset block = heap.allocate(16);
  Transaction tx(heap.segment());
  take(retire(tx, block));
  EXPECT_DEATH((void)reclaim_step(tx, every_pin), "H5");
}

// --- churn ---

/// Bytes of blocks that fit until the heap is full for the first time, after it held other blocks before.
class Churn {
 public:
  explicit Churn(std::uint64_t seed) : random_(seed) {}

  /// Block by block, others of another size take the place of all; half of the heap is in use.
  void replace_all(std::uint64_t bytes_max) {
    std::ranges::shuffle(blocks_, random_);
    for (const auto& [block, bytes] : std::exchange(blocks_, {})) {
      heap_.release(block);
      bytes_ -= bytes;
      while (bytes_ < capacity_bytes / 2 && add_one(bytes_max)) continue;
    }
    while (bytes_ < capacity_bytes / 2 && add_one(bytes_max)) continue;
  }
  std::uint64_t fill_up(std::uint64_t bytes_max) {
    while (add_one(bytes_max)) continue;
    EXPECT_TRUE(heap_.is_sound());
    return bytes_;
  }

 private:
  static constexpr std::uint64_t capacity_bytes = 4 << 20;

  [[nodiscard]] std::uint64_t draw(std::uint64_t bytes_max) {
    return std::uniform_int_distribution<std::uint64_t>(16, bytes_max)(random_);
  }
  bool add_one(std::uint64_t bytes_max) {
    const std::uint64_t bytes = draw(bytes_max);
    Transaction tx(heap_.segment());
    const auto block = allocate(tx, bytes);
    if (!block) return false;
    heap_.fill(tx, *block, bytes);
    tx.commit();
    blocks_.emplace_back(*block, bytes);
    bytes_ += bytes;
    return true;
  }

  std::mt19937_64 random_;
  Heap heap_{capacity_bytes};
  std::vector<std::pair<Offset, std::uint64_t>> blocks_;
  std::uint64_t bytes_ = 0;
};

TEST(HeapChurnTest, HeapStillTakesNineTenthsOfWhatAFreshOneTakes) {
  SCOPED_TRACE(tests::replay_command());
  for (const std::uint64_t bytes_max : {40U, 200U, 1500U}) {
    const std::uint64_t fresh = Churn(tests::seed()).fill_up(bytes_max);
    Churn churned(tests::seed() + 1);
    for (int round = 0; round < 6; ++round) churned.replace_all(round % 2 == 0 ? 1500 : 60);
    churned.replace_all(bytes_max);
    EXPECT_GE(churned.fill_up(bytes_max) * 10, fresh * 9) << "blocks of up to " << bytes_max;
  }
}

// --- random histories ---

/// Random transactions, with readers whose pins come and go, against a map of blocks.
class History {
 public:
  History(std::uint64_t seed, std::uint64_t capacity_bytes) : random_(seed), heap_(capacity_bytes) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      grows_ = step / 300 % 2 == 0;
      move_pins();
      if (draw(8) == 0) {
        reclaim();
      } else {
        transact();
      }
      if (step % 50 == 0) check();
    }
    drain();
  }

 private:
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  [[nodiscard]] std::uint64_t draw_bytes() {
    switch (draw(10)) {
      case 0:
        return 1 + draw(largest_block_bytes);
      case 1:
      case 2:
        return 1 + draw(two_slots_bytes);
      case 3:
        return 1040;
      default:
        return 1 + draw(100);
    }
  }
  [[nodiscard]] std::uint64_t oldest_pin() const { return pins_.empty() ? every_pin : *pins_.begin(); }

  void move_pins() {
    if (draw(4) == 0 && pins_.size() < 3) pins_.insert(heap_.epoch());
    if (draw(5) == 0 && !pins_.empty())
      pins_.erase(std::next(pins_.begin(), static_cast<std::ptrdiff_t>(draw(pins_.size()))));
  }

  void reclaim() {
    const std::uint64_t oldest = oldest_pin();
    heap_.reclaim(oldest);
    for (auto entry = retired_.begin(); entry != retired_.end();)
      entry = entry->second.epoch < oldest ? retired_.erase(entry) : std::next(entry);
  }

  void transact() {
    Transaction tx(heap_.segment());
    const auto blocks = heap_.blocks();
    const auto retired = retired_;
    bool sound = true;
    for (std::uint64_t count = 1 + draw(3); sound && count != 0; --count) sound = change(tx);
    if (sound && draw(6) != 0) return tx.commit();
    tx.reset();
    heap_.blocks() = blocks;
    retired_ = retired;
  }
  /// False if the heap is full.
  bool change(Transaction& tx) {
    const std::size_t before = tx.planned();
    const bool allocates = draw(10) < (grows_ ? 7U : 3U);
    const std::size_t bound = allocates ? allocate_stores : std::max(release_stores, retire_stores);
    const bool done = allocates ? allocate_one(tx) : free_one(tx);
    EXPECT_LE(tx.planned() - before, bound);
    return done;
  }
  bool allocate_one(Transaction& tx) {
    const std::uint64_t bytes = draw_bytes();
    const auto block = allocate(tx, bytes);
    if (!block) {
      EXPECT_EQ(refusal(block), Code::full) << block.error().what;
      return false;
    }
    expect_apart(heap_.blocks(), *block, bytes, [](const Heap::Block& other) { return other.bytes; });
    expect_apart(retired_, *block, bytes, [](const Heap::Retired& other) { return other.block.bytes; });
    heap_.fill(tx, *block, bytes);
    return true;
  }
  /// A block that was there before this plan.
  bool free_one(Transaction& tx) {
    const auto& blocks = heap_.blocks();
    if (blocks.empty()) return true;
    auto entry = blocks.lower_bound(draw(heap_.segment().roots().frontier * page_bytes));
    if (entry == blocks.end()) entry = blocks.begin();
    const auto [offset, block] = *entry;
    if (draw(2) == 0) {
      const auto status = release(tx, offset);
      if (!status) return expect_taken_by_this_plan(tx, offset);
    } else {
      const auto status = retire(tx, offset);
      if (!status) return expect_taken_by_this_plan(tx, offset);
      retired_[offset] = {block, heap_.epoch()};
    }
    heap_.blocks().erase(offset);
    return true;
  }
  static bool expect_taken_by_this_plan(Transaction& tx, Offset offset) {
    EXPECT_NE(tx.planned(), 0U) << "block " << offset << " was in use before the plan";
    return false;
  }
  template <class Blocks, class Bytes>
  static void expect_apart(const Blocks& blocks, Offset offset, std::uint64_t bytes, Bytes bytes_of) {
    const auto after = blocks.lower_bound(offset);
    EXPECT_TRUE(after == blocks.end() || offset + bytes <= after->first);
    if (after == blocks.begin()) return;
    const auto before = std::prev(after);
    EXPECT_LE(before->first + bytes_of(before->second), offset);
  }

  void check() {
    ASSERT_TRUE(heap_.is_sound());
    for (const auto& [offset, retired] : retired_)
      ASSERT_TRUE(heap_.is_intact(offset, retired.block)) << "retired block " << offset << " was reused";
    const Figures figures = count_figures(heap_.segment());
    EXPECT_EQ(figures.blocks - figures.blocks_retired, heap_.blocks().size());
    EXPECT_GE(figures.blocks_retired, retired_.size());
    EXPECT_EQ(figures.pages_used + figures.pages_free + first_page(heap_.segment()),
              heap_.segment().geometry().capacity_bytes / page_bytes);
  }

  void drain() {
    check();
    while (!heap_.blocks().empty() && !::testing::Test::HasFailure())
      heap_.retire(heap_.blocks().begin()->first);
    const std::uint64_t pages = heap_.segment().roots().waiting_pages;
    for (std::uint64_t step = 0; step * reclaim_pages_per_step < pages; ++step) heap_.reclaim();
    EXPECT_EQ(heap_.segment().roots().waiting_pages, 0U);
    heap_.expect_all_free();
  }

  std::mt19937_64 random_;
  Heap heap_;
  std::multiset<std::uint64_t> pins_;
  std::map<Offset, Heap::Retired> retired_;  ///< that some reader may still read
  bool grows_ = true;
};

TEST(HeapHistoryTest, RandomTransactionsAgreeWithAMapOfBlocks) {
  SCOPED_TRACE(tests::replay_command());
  for (std::uint64_t run = 0; run < 8 * tests::scale() && !HasFailure(); ++run) {
    // From a heap that is nearly always full to one that never is.
    History(tests::seed() + run, layout::capacity_bytes_min << run % 8).run(4000);
  }
}

// --- census ---

/// A heap with something of everything, to be damaged.
class Specimen {
 public:
  Specimen() : heap_(layout::capacity_bytes_min * 4) {
    for (int count = 0; count < 8; ++count) pairs.push_back(heap_.allocate(two_slots_bytes));
    for (const std::size_t slot : {1U, 3U, 5U}) heap_.release(pairs[slot]);  // 3 partial pages, 1 full one
    for (int count = 0; count < 6; ++count) small.push_back(heap_.allocate(16));
    middling = heap_.allocate(900);
    run = heap_.allocate(9000);
    const Offset gone = heap_.allocate(9000);
    heap_.allocate(4096 * 2);
    free_page = page_of(gone);
    for (int count = 0; count < 3; ++count) waiting.push_back(heap_.allocate(3000));
    heap_.release(gone);
    heap_.retire(small[0]);
    heap_.reclaim(0);
    heap_.retire(small[1]);
    for (const Offset block : waiting) heap_.retire(block);
  }

  [[nodiscard]] Heap& heap() { return heap_; }
  [[nodiscard]] const Segment& segment() const { return heap_.segment(); }
  [[nodiscard]] layout::Roots& roots() const { return segment().roots(); }
  [[nodiscard]] PageHeader& page(Offset block) const { return header(segment(), page_of(block)); }
  [[nodiscard]] std::uint64_t end() const { return segment().geometry().capacity_bytes / page_bytes; }
  /// A header like this page's, inside the run; its number.
  [[nodiscard]] PageNumber forge(Offset block) const {
    const std::uint64_t inside = page_of(run) + 1;
    header(segment(), inside) = page(block);
    return static_cast<PageNumber>(inside);
  }
  void flip_map(std::uint64_t page) const {
    map_words(segment())[page / 64] ^= std::uint64_t{1} << page % 64;
  }

  std::vector<Offset> pairs;    ///< 0, 2 and 4 on partial pages, 6 and 7 on a full one
  std::vector<Offset> small;    ///< on one page: 0 is old, 1 is young, the others in use
  std::vector<Offset> waiting;  ///< retired runs
  Offset middling = 0;          ///< alone on its page
  Offset run = 0;               ///< of three pages
  std::uint64_t free_page = 0;  ///< first of three

 private:
  Heap heap_;
};

TEST(HeapCensusTest, SpecimenIsSound) {
  Specimen specimen;
  EXPECT_TRUE(specimen.heap().is_sound());
  const layout::Roots& roots = specimen.roots();
  EXPECT_EQ(roots.free_pages, 3U);
  EXPECT_EQ(roots.waiting_pages, 4U);
  EXPECT_EQ(specimen.page(specimen.small[0]).old[0], 1U);
  EXPECT_EQ(specimen.page(specimen.small[0]).young[0], 2U);
}

TEST(HeapCensusTest, EmptyHeapIsSound) { Heap().expect_all_free(); }

TEST(HeapCensusTest, FiguresCountTheSpecimen) {
  Specimen specimen;
  const Figures figures = count_figures(specimen.segment());
  EXPECT_EQ(figures.blocks_retired, 5U);
  EXPECT_EQ(figures.blocks, specimen.heap().blocks().size() + 5);
  EXPECT_EQ(figures.pages_free, 3 + specimen.end() - specimen.roots().frontier);
  EXPECT_EQ(figures.pages_used, specimen.roots().frontier - 3 - first_page(specimen.segment()));
}

TEST(HeapCensusTest, BlocksMustBeCountedOnceWhereTheyAreAndAsLargeAsTheyAre) {
  Specimen specimen;
  auto census = take(Census::begin(specimen.segment()));
  const auto refuses = [&](Offset block, std::uint64_t bytes) {
    const auto result = census.count_block(block, bytes);
    return refusal(result) == Code::corrupt && subject(result) == block;
  };
  take(census.count_block(specimen.run, 9000));
  EXPECT_TRUE(refuses(specimen.run, 9000)) << "twice";
  EXPECT_TRUE(refuses(specimen.small[2], 17)) << "another class";
  EXPECT_TRUE(refuses(specimen.small[2], 9000)) << "a run";
  EXPECT_TRUE(refuses(specimen.small[2], UINT64_MAX));
  EXPECT_TRUE(refuses(specimen.small[2] + 8, 16)) << "inside a slot";
  EXPECT_TRUE(refuses(specimen.small[0], 16)) << "old";
  EXPECT_TRUE(refuses(specimen.small[1], 16)) << "young";
  EXPECT_TRUE(refuses(specimen.small[5] + 16, 16)) << "free";
  EXPECT_TRUE(refuses(specimen.run + page_bytes, 9000)) << "inside a run";
  EXPECT_TRUE(refuses(8, 16)) << "no heap";
  EXPECT_TRUE(refuses(UINT64_MAX - 7, 16)) << "nowhere";
  EXPECT_TRUE(refuses(specimen.roots().frontier * page_bytes + sizeof(PageHeader), 16))
      << "beyond the frontier";
}

TEST(HeapCensusTest, BlockThatWasNotCountedIsNamed) {
  Specimen specimen;
  for (const Offset lost : {specimen.small[3], specimen.run, specimen.pairs[7]}) {
    const auto blocks = specimen.heap().blocks();
    specimen.heap().blocks().erase(lost);
    EXPECT_EQ(subject(specimen.heap().census()), lost);
    specimen.heap().blocks() = blocks;
  }
}

TEST(HeapCensusTest, BlocksCountedWhereNoPageStartsAreCaught) {
  for (const bool in_run : {true, false}) {
    Specimen specimen;
    const std::uint64_t page = in_run ? page_of(specimen.run) + 1 : specimen.free_page + 1;
    PageHeader forged{};
    forged.kind = layout::PageKind::slab;
    forged.run_pages = 1;
    header(specimen.segment(), page) = forged;
    const Offset block = page * page_bytes + sizeof(PageHeader);
    auto census = take(Census::begin(specimen.segment()));
    for (const auto& [offset, known] : specimen.heap().blocks())
      take(census.count_block(offset, known.bytes));
    take(census.count_block(block, 16));
    EXPECT_EQ(subject(census.finish()), page * page_bytes);
  }
}

struct Damage {
  const char* name;
  void (*apply)(Specimen& specimen);
};
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class HeapDamageTest : public ::testing::TestWithParam<Damage> {};

TEST_P(HeapDamageTest, IsCorrupt) {
  Specimen specimen;
  ASSERT_TRUE(specimen.heap().is_sound());
  GetParam().apply(specimen);
  EXPECT_EQ(refusal(specimen.heap().census()), Code::corrupt);
  (void)count_figures(specimen.segment());
}

constexpr std::uint64_t top_bit = std::uint64_t{1} << 63;

const Damage slot_damages[] = {
    {"UsedSlotMarkedFree", [](Specimen& s) { s.page(s.small[2]).free[0] |= 4; }},
    {"UsedSlotMarkedYoung", [](Specimen& s) { s.page(s.small[2]).young[0] |= 4; }},
    {"UsedSlotMarkedOld", [](Specimen& s) { s.page(s.small[2]).old[0] |= 4; }},
    {"FreeSlotMarkedUsed", [](Specimen& s) { s.page(s.small[2]).free[1] ^= 1; }},
    {"YoungSlotMarkedUsed", [](Specimen& s) { s.page(s.small[2]).young[0] = 0; }},
    {"OldSlotMarkedUsed", [](Specimen& s) { s.page(s.small[2]).old[0] = 0; }},
    {"YoungSlotMarkedFreeToo", [](Specimen& s) { s.page(s.small[2]).free[0] |= 2; }},
    {"OldSlotMarkedFreeToo", [](Specimen& s) { s.page(s.small[2]).free[0] |= 1; }},
    {"OldSlotMarkedYoungToo", [](Specimen& s) { s.page(s.small[2]).young[0] |= 1; }},
    {"FreeBitBehindTheSlots", [](Specimen& s) { s.page(s.small[2]).free[3] |= top_bit; }},
    {"YoungBitBehindTheSlots", [](Specimen& s) { s.page(s.small[2]).young[3] |= top_bit; }},
    {"OldBitBehindTheSlots", [](Specimen& s) { s.page(s.small[2]).old[3] |= top_bit; }},
    {"BitInAnUnusedWord", [](Specimen& s) { s.page(s.pairs[6]).free[1] = 1; }},
    {"BitOfARunsSecondSlot", [](Specimen& s) { s.page(s.run).free[0] = 2; }},
    {"PageInUseAllFree",
     [](Specimen& s) {
       for (const std::size_t pair : {6U, 7U}) s.heap().blocks().erase(s.pairs[pair]);
       s.page(s.pairs[6]).free[0] = 3;
       s.page(s.pairs[6]).partial_next = s.roots().partial_head[class_count - 1];
       header(s.segment(), s.page(s.pairs[6]).partial_next).partial_previous =
           static_cast<PageNumber>(page_of(s.pairs[6]));
       s.roots().partial_head[class_count - 1] = static_cast<PageNumber>(page_of(s.pairs[6]));
     }},
    {"YoungEpochToCome", [](Specimen& s) { s.page(s.small[2]).young_epoch = s.roots().epoch + 1; }},
    {"OldEpochToCome", [](Specimen& s) { s.page(s.small[2]).old_epoch = UINT64_MAX; }},
};

const Damage header_damages[] = {
    {"NoKind", [](Specimen& s) { s.page(s.run).kind = layout::PageKind{0}; }},
    {"UnknownKind", [](Specimen& s) { s.page(s.run).kind = layout::PageKind{3}; }},
    {"NoSuchClass", [](Specimen& s) { s.page(s.pairs[6]).size_class = class_count; }},
    {"AnotherClass", [](Specimen& s) { s.page(s.pairs[6]).size_class = 0; }},
    {"SlabOfTwoPages", [](Specimen& s) { s.page(s.pairs[6]).run_pages = 2; }},
    {"RunWithAClass", [](Specimen& s) { s.page(s.run).size_class = 1; }},
    {"RunOfNoPages", [](Specimen& s) { s.page(s.run).run_pages = 0; }},
    {"RunTooLong", [](Specimen& s) { s.page(s.run).run_pages = 18; }},
    {"RunTooShort", [](Specimen& s) { s.page(s.run).run_pages = 2; }},
    {"RunIntoFreePages", [](Specimen& s) { s.page(s.run).run_pages = 4; }},
    {"RunBeyondTheFrontier", [](Specimen& s) { s.page(s.waiting[2]).run_pages = 17; }},
    {"RunMarkedSlab", [](Specimen& s) { s.page(s.run).kind = layout::PageKind::slab; }},
};

const Damage map_damages[] = {
    {"UsedPageMarkedFree", [](Specimen& s) { s.flip_map(page_of(s.pairs[6])); }},
    {"PageInsideARunMarkedFree", [](Specimen& s) { s.flip_map(page_of(s.run) + 1); }},
    {"FreePageMarkedUsed", [](Specimen& s) { s.flip_map(s.free_page); }},
    {"PageBelowTheHeapMarkedFree", [](Specimen& s) { s.flip_map(first_page(s.segment()) - 1); }},
    {"PageAtTheFrontierMarkedFree", [](Specimen& s) { s.flip_map(s.roots().frontier); }},
    {"LastPageMarkedFree", [](Specimen& s) { s.flip_map(s.end() - 1); }},
    {"LastPageMarkedAndCountedFree",
     [](Specimen& s) {
       s.flip_map(s.end() - 1);
       summary_words(s.segment())[0] |= std::uint64_t{1} << (s.end() - 1) / 64;
       ++s.roots().free_pages;
     }},
    {"SummaryMissing", [](Specimen& s) { summary_words(s.segment())[0] = 0; }},
    {"SummaryOfAnEmptyWord", [](Specimen& s) { summary_words(s.segment())[0] |= 2; }},
    {"SummaryOfNoWord", [](Specimen& s) { summary_words(s.segment())[0] |= top_bit; }},
    {"BytesBehindTheSummary", [](Specimen& s) { summary_words(s.segment())[1] = 1; }},
    {"FreePagesTooMany", [](Specimen& s) { ++s.roots().free_pages; }},
    {"FreePagesTooFew", [](Specimen& s) { s.roots().free_pages = 0; }},
    {"FrontierBelowTheHeap", [](Specimen& s) { s.roots().frontier = first_page(s.segment()) - 1; }},
    {"FrontierTooLow", [](Specimen& s) { --s.roots().frontier; }},
    {"FrontierTooHigh", [](Specimen& s) { ++s.roots().frontier; }},
    {"FrontierBeyondTheBacking", [](Specimen& s) { s.roots().frontier = s.roots().backed + 1; }},
    {"BackingBeyondTheCapacity", [](Specimen& s) { s.roots().backed = s.end() + 1; }},
    {"BoundsOfNonsense", [](Specimen& s) { s.roots().frontier = s.roots().backed = UINT64_MAX; }},
};

const Damage list_damages[] = {
    {"PartialListLost", [](Specimen& s) { s.roots().partial_head[class_count - 1] = 0; }},
    {"PartialListStartsLate",
     [](Specimen& s) {
       s.roots().partial_head[class_count - 1] =
           s.page(s.roots().partial_head[class_count - 1] * page_bytes).partial_next;
     }},
    {"PartialListEndsEarly", [](Specimen& s) { s.page(s.pairs[2]).partial_next = 0; }},
    {"PartialListGoesInACircle",
     [](Specimen& s) { s.page(s.pairs[0]).partial_next = s.roots().partial_head[class_count - 1]; }},
    {"PartialListPageOnItself",
     [](Specimen& s) { s.page(s.pairs[2]).partial_next = static_cast<PageNumber>(page_of(s.pairs[2])); }},
    {"PartialPreviousWrong", [](Specimen& s) { s.page(s.pairs[2]).partial_previous = 0; }},
    {"PartialHeadHasAPrevious",
     [](Specimen& s) { s.page(s.pairs[4]).partial_previous = static_cast<PageNumber>(page_of(s.pairs[0])); }},
    {"PartialListOfAnotherClass",
     [](Specimen& s) { std::swap(s.roots().partial_head[0], s.roots().partial_head[class_count - 1]); }},
    {"PartialListsSwapped",
     [](Specimen& s) { std::swap(s.roots().partial_head[0], s.roots().partial_head[class_of(900)]); }},
    {"PartialListOfAForgedPage", [](Specimen& s) { s.roots().partial_head[0] = s.forge(s.small[0]); }},
    {"PartialListNamesAFullPage",
     [](Specimen& s) {
       s.page(s.pairs[2]).partial_next = static_cast<PageNumber>(page_of(s.pairs[6]));
       s.page(s.pairs[6]).partial_previous = static_cast<PageNumber>(page_of(s.pairs[2]));
     }},
    {"PartialListOfNoClass",
     [](Specimen& s) { s.roots().partial_head[class_count] = s.roots().partial_head[0]; }},
    {"PartialListOfARun",
     [](Specimen& s) { s.roots().partial_head[1] = static_cast<PageNumber>(page_of(s.run)); }},
    {"PartialListOutsideTheHeap", [](Specimen& s) { s.roots().partial_head[class_count - 1] = 1; }},
    {"PartialListBeyondTheFrontier",
     [](Specimen& s) { s.page(s.pairs[2]).partial_next = static_cast<PageNumber>(s.roots().frontier); }},
    {"FullPageLinked", [](Specimen& s) { s.page(s.pairs[6]).partial_next = s.roots().partial_head[0]; }},
    {"FullPageLinkedBack",
     [](Specimen& s) { s.page(s.pairs[6]).partial_previous = s.roots().partial_head[0]; }},
    {"WaitingListLost", [](Specimen& s) { s.roots().waiting_head = 0; }},
    {"WaitingListStartsLate",
     [](Specimen& s) { s.roots().waiting_head = s.page(s.roots().waiting_head * page_bytes).waiting_next; }},
    {"WaitingListEndsEarly", [](Specimen& s) { s.page(s.waiting[0]).waiting_next = 0; }},
    {"WaitingListGoesInACircle",
     [](Specimen& s) { s.page(s.waiting[2]).waiting_next = static_cast<PageNumber>(page_of(s.waiting[0])); }},
    {"WaitingListLeavesOneOut",
     [](Specimen& s) { s.page(s.waiting[0]).waiting_next = s.page(s.waiting[1]).waiting_next; }},
    {"WaitingTailWrong", [](Specimen& s) { s.roots().waiting_tail = s.roots().waiting_head; }},
    {"WaitingPagesTooMany", [](Specimen& s) { ++s.roots().waiting_pages; }},
    {"WaitingPagesTooFew", [](Specimen& s) { --s.roots().waiting_pages; }},
    {"WaitingListHasAPageThatDoesNotWait",
     [](Specimen& s) { s.page(s.waiting[1]).waiting_next = static_cast<PageNumber>(page_of(s.run)); }},
    {"WaitingListEndsWithAPageThatDoesNotWait",
     [](Specimen& s) {
       s.page(s.waiting[1]).waiting_next = s.roots().waiting_tail = static_cast<PageNumber>(page_of(s.run));
     }},
    {"WaitingListEndsWithAForgedPage",
     [](Specimen& s) { s.page(s.waiting[1]).waiting_next = s.roots().waiting_tail = s.forge(s.waiting[2]); }},
    {"WaitingLinkOfAPageThatDoesNotWait",
     [](Specimen& s) { s.page(s.run).waiting_next = static_cast<PageNumber>(page_of(s.waiting[0])); }},
};

const Damage roots_damages[] = {
    {"Reserved0", [](Specimen& s) { s.roots().reserved0 = 1; }},
    {"Reserved1", [](Specimen& s) { s.roots().reserved1[5] = 1; }},
    {"Reserved2", [](Specimen& s) { s.roots().reserved2[0] = 1; }},
    {"Reserved3", [](Specimen& s) { s.roots().reserved3 = 1; }},
    {"Reserved4", [](Specimen& s) { s.roots().reserved4[3711] = 1; }},
    {"NoEpoch", [](Specimen& s) { s.roots().epoch = 0; }},
    {"EpochOutOfBounds", [](Specimen& s) { s.roots().epoch = UINT64_MAX; }},
};

TEST(HeapCensusTest, FaultsNameThePage) {
  {
    Specimen specimen;
    specimen.flip_map(page_of(specimen.run) + 1);
    EXPECT_EQ(subject(specimen.heap().census()), page_of(specimen.run) + 1);
  }
  {
    Specimen specimen;
    specimen.page(specimen.pairs[2]).partial_next = 0;
    EXPECT_EQ(subject(specimen.heap().census()), page_of(specimen.pairs[2])) << "behind which one is missing";
  }
  {
    Specimen specimen;
    specimen.page(specimen.waiting[0]).waiting_next = 0;
    EXPECT_EQ(subject(specimen.heap().census()), page_of(specimen.waiting[0]))
        << "behind which one is missing";
  }
}

std::string damage_name(const ::testing::TestParamInfo<Damage>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Slots, HeapDamageTest, ::testing::ValuesIn(slot_damages), damage_name);
INSTANTIATE_TEST_SUITE_P(Headers, HeapDamageTest, ::testing::ValuesIn(header_damages), damage_name);
INSTANTIATE_TEST_SUITE_P(Map, HeapDamageTest, ::testing::ValuesIn(map_damages), damage_name);
INSTANTIATE_TEST_SUITE_P(Lists, HeapDamageTest, ::testing::ValuesIn(list_damages), damage_name);
INSTANTIATE_TEST_SUITE_P(Roots, HeapDamageTest, ::testing::ValuesIn(roots_damages), damage_name);

/// What the lists say is not believed: whoever follows them refuses rather than goes on.
TEST(HeapDamagedListsTest, AllocationRefuses) {
  const auto refuses = [](std::uint64_t bytes, void (*damage)(Specimen& specimen)) {
    Specimen specimen;
    damage(specimen);
    Transaction tx(specimen.segment());
    return refusal(allocate(tx, bytes)) == Code::corrupt;
  };
  EXPECT_TRUE(
      refuses(16, [](Specimen& s) { s.roots().partial_head[0] = s.roots().partial_head[class_count - 1]; }));
  EXPECT_TRUE(
      refuses(16, [](Specimen& s) { s.roots().partial_head[0] = static_cast<PageNumber>(page_of(s.run)); }));
  EXPECT_TRUE(refuses(16, [](Specimen& s) { s.roots().partial_head[0] = UINT32_MAX; }));
  EXPECT_TRUE(refuses(16, [](Specimen& s) { s.roots().partial_head[0] = 1; }));
  EXPECT_TRUE(refuses(16, [](Specimen& s) { std::ranges::fill(s.page(s.small[0]).free, 0U); }))
      << "nothing free";
  EXPECT_TRUE(refuses(16, [](Specimen& s) {
    PageHeader& page = s.page(s.small[0]);
    std::ranges::fill(page.free, 0U);
    page.free[3] = top_bit;
  })) << "no such slot";
  EXPECT_TRUE(refuses(two_slots_bytes, [](Specimen& s) { s.page(s.pairs[4]).partial_next = 1; }));
}

TEST(HeapDamagedListsTest, PageThatIsNotItsListsHeadDoesNotLeaveIt) {
  Specimen specimen;
  specimen.page(specimen.pairs[0]).partial_previous = 0;
  Transaction tx(specimen.segment());
  EXPECT_EQ(refusal(release(tx, specimen.pairs[0])), Code::corrupt);
}

TEST(HeapDamagedListsTest, PageMarkedFreeThatThePlanChangesIsNotTaken) {
  Specimen specimen;
  for (std::uint64_t index = 0; index < 3; ++index) specimen.flip_map(specimen.free_page + index);
  specimen.flip_map(page_of(specimen.middling));
  specimen.roots().partial_head[class_count - 1] = 0;
  Transaction tx(specimen.segment());
  ASSERT_EQ(page_of(take(allocate(tx, 900))), page_of(specimen.middling));
  EXPECT_EQ(refusal(allocate(tx, two_slots_bytes)), Code::corrupt);
}

TEST(HeapDamagedListsTest, ReclaimRefuses) {
  const auto refuses = [](void (*damage)(Specimen& specimen)) {
    Specimen specimen;
    damage(specimen);
    Transaction tx(specimen.segment());
    return refusal(reclaim_step(tx, every_pin)) == Code::corrupt;
  };
  EXPECT_TRUE(refuses([](Specimen& s) { s.page(s.small[0]).free[0] |= 1; })) << "old and free";
  EXPECT_TRUE(refuses([](Specimen& s) { s.page(s.small[0]).free[0] |= 2; })) << "young and free";
  EXPECT_TRUE(refuses([](Specimen& s) { s.page(s.waiting[0]).waiting_next = 0; }))
      << "shorter than its count";
  EXPECT_TRUE(refuses([](Specimen& s) { s.roots().waiting_head = 1; }));
}

TEST(HeapDamagedListsTest, ReclaimSaysAfterHowManyPagesTheWaitingListEnds) {
  Specimen specimen;
  specimen.page(specimen.waiting[0]).waiting_next = 0;
  Transaction tx(specimen.segment());
  EXPECT_EQ(subject(reclaim_step(tx, every_pin)), 2U);
}

TEST(HeapListsTest, LeavingClearsBothLinks) {
  Specimen specimen;
  PageHeader& middle = specimen.page(specimen.pairs[2]);
  ASSERT_NE(middle.partial_next, 0U);
  ASSERT_NE(middle.partial_previous, 0U);
  Transaction tx(specimen.segment());
  Page page = take(Page::open(tx, page_of(specimen.pairs[2])));
  take(leave_partial_list(tx, page));
  tx.commit();
  EXPECT_EQ(middle.partial_next, 0U);
  EXPECT_EQ(middle.partial_previous, 0U);
}

/// Bytes that change at random while the heap is used: every call ends, within the segment and its bounds.
class HostileHeap {
 public:
  explicit HostileHeap(std::uint64_t seed) : random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      damage();
      use();
      (void)specimen_.heap().census();
      (void)count_figures(specimen_.segment());
    }
  }

 private:
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  /// A word of the roots, the map, or a page's header becomes something small, something like a page, or
  /// anything.
  void damage() {
    const Segment& segment = specimen_.segment();
    const std::uint64_t pages[] = {segment.geometry().roots_offset / page_bytes,
                                   segment.geometry().page_map_offset / page_bytes,
                                   first_page(segment) + draw(specimen_.end() - first_page(segment))};
    const Offset at = pages[draw(3)] * page_bytes + draw(64) * 4;
    const std::uint32_t values[] = {static_cast<std::uint32_t>(draw(4)),
                                    static_cast<std::uint32_t>(draw(specimen_.end() + 2)),
                                    static_cast<std::uint32_t>(random_())};
    std::memcpy(segment.at(at), &values[draw(3)], 4);
    // A page map without an end to the heap is another test's business.
    specimen_.roots().backed = std::min(specimen_.roots().backed, specimen_.end());
  }
  void use() {
    Transaction tx(specimen_.segment());
    const bool reclaims = draw(4) == 0;
    const bool works = reclaims ? reclaim_step(tx, draw(10)).has_value() : change(tx);
    EXPECT_LE(tx.planned(), reclaims ? reclaim_pages_per_step * reclaim_page_stores + 2 : allocate_stores);
    if (works) tx.commit();
  }
  bool change(Transaction& tx) {
    const Offset block = (draw(specimen_.end()) * page_bytes) + sizeof(PageHeader) + draw(4) * 16;
    switch (draw(3)) {
      case 0:
        return allocate(tx, draw(largest_block_bytes)).has_value();
      case 1:
        return release(tx, block).has_value();
      default:
        return retire(tx, block).has_value();
    }
  }

  std::mt19937_64 random_;
  Specimen specimen_;
};

TEST(HeapHistoryTest, DamagedHeapNeverLeavesItsBounds) {
  SCOPED_TRACE(tests::replay_command());
  for (std::uint64_t run = 0; run < 300 * tests::scale() && !HasFailure(); ++run)
    HostileHeap(tests::seed() + run).run(60);
}

}  // namespace
}  // namespace radish::heap
