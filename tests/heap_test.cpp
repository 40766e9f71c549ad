// Floor 3: slots and runs, and retirement.
#include <gtest/gtest.h>

#include "heap_fixture.h"

namespace radish::heap {
namespace {

// --- blocks ---

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

}  // namespace
}  // namespace radish::heap
