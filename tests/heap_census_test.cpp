// Floor 3: the census that proves the partition, and everything that it must catch.
#include <gtest/gtest.h>

#include "heap_fixture.h"

namespace radish::heap {
namespace {

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
    {"Reserved1", [](Specimen& s) { s.roots().reserved1[4] = 1; }},
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
