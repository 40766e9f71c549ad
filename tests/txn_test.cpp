// Floor 2: recovery, the writer, views that recover.
#include <gtest/gtest.h>

#include "txn_fixture.h"

namespace radish::txn {
namespace {

// --- recovery --------------------------------------------------------------------------------------------

TEST_F(TxnTest, NothingIsRecoveredFromAnUnarmedRecord) {
  arm_two_words();
  record().armed = 0;
  EXPECT_FALSE(take(recover(segment(), false)));
  EXPECT_EQ(word(0), 0U);
  EXPECT_EQ(roots().generation, 1U);
}

TEST_F(TxnTest, ArmedRecordIsReplayedAndTheTakeoverCountedOnce) {
  arm_two_words();
  EXPECT_TRUE(take(recover(segment(), true)));
  expect_two_words_and_generation(2);
  EXPECT_FALSE(take(recover(segment(), false)));
  expect_two_words_and_generation(2);
}

TEST_F(TxnTest, ArmedRecordIsReplayedWhoeverLeftIt) {
  arm_two_words();
  EXPECT_TRUE(take(recover(segment(), false)));
  expect_two_words_and_generation(2);
}

TEST_F(TxnTest, SecondRecoveryOfOneRecordCountsNoSecondTakeover) {
  arm_two_words();
  EXPECT_TRUE(take(recover(segment(), true)));
  record().armed = layout::armed_mark;  // as if the first had died before it disarmed
  EXPECT_TRUE(take(recover(segment(), true)));
  expect_two_words_and_generation(2);
}

TEST_F(TxnTest, TakeoverWithoutARecordIsCounted) {
  arm_two_words();
  record().armed = 0;
  EXPECT_TRUE(take(recover(segment(), true)));
  EXPECT_EQ(roots().generation, 2U);
  EXPECT_EQ(word(0), 0U) << "the old record's entries stay forgotten";
  EXPECT_EQ(record().armed, 0U);
}

TEST_F(TxnTest, BothWidthsAreReplayedExactly) {
  word(0) = word(1) = UINT64_MAX;
  arm({{offset(0) << 4 | 4, 1}, {(offset(1) + 4) << 4 | 4, 2}, {offset(2) << 4 | 8, UINT64_MAX}});
  EXPECT_TRUE(take(recover(segment(), true)));
  EXPECT_EQ(word(0), 0xffff'ffff'0000'0001U);
  EXPECT_EQ(word(1), 0x2'ffff'ffffU);
  EXPECT_EQ(word(2), UINT64_MAX);
  EXPECT_EQ(word(3), 0U);
}

TEST_F(TxnTest, RecordMaySpeakOfThePagesThatItTakes) {
  const std::uint64_t fresh_page = roots().frontier;
  const std::size_t fresh_word = (fresh_page * layout::page_bytes - offset(0)) / 8;
  arm({entry(fresh_word, 5),
       {roots_word(segment(), offsetof(layout::Roots, frontier)) << 4 | 8, fresh_page + 1}});
  EXPECT_TRUE(take(recover(segment(), true)));
  EXPECT_EQ(word(fresh_word), 5U);
  EXPECT_EQ(roots().frontier, fresh_page + 1);
}

TEST_F(TxnTest, FullRecordIsReplayed) {
  std::vector<layout::RecordEntry> entries;
  for (std::size_t index = 0; index < segment().geometry().record_entries; ++index)
    entries.push_back(entry(index, index + 1));
  arm(entries);
  EXPECT_TRUE(take(recover(segment(), true)));
  for (std::size_t index = 0; index < entries.size(); ++index) ASSERT_EQ(word(index), index + 1);
}

TEST_F(TxnTest, WordsThatAreNeitherArmedNorNotAreCorrupt) {
  for (const std::uint64_t armed : {std::uint64_t{1}, layout::armed_mark + 1, UINT64_MAX}) {
    arm_two_words();
    record().armed = armed;
    EXPECT_EQ(refusal(recover(segment(), false)), Code::corrupt);
    EXPECT_EQ(refusal(recover(segment(), true)), Code::corrupt);
    EXPECT_EQ(record().armed, armed);
    EXPECT_EQ(word(0), 0U);
  }
}

/// A record whose last entry is hostile is refused, and its first one is not applied either.
class HostileRecordTest : public TxnTest {
 protected:
  void expect_corrupt(const std::string& what) const {
    const std::vector<std::byte> before(segment().base(),
                                        segment().base() + segment().geometry().capacity_bytes);
    for (const bool from_dead : {false, true})
      EXPECT_EQ(refusal(recover(segment(), from_dead)), Code::corrupt) << what;
    EXPECT_EQ(std::memcmp(before.data(), segment().base(), before.size()), 0)
        << what << ": something changed";
  }
  void expect_corrupt_entry(const layout::RecordEntry& hostile) const {
    arm({entry(0, 10), hostile});
    expect_corrupt("target " + std::to_string(hostile.target) + ", value " + std::to_string(hostile.value));
  }
};

TEST_F(HostileRecordTest, CountBeyondTheRecord) {
  for (const std::uint32_t count : {segment().geometry().record_entries + 1, UINT32_MAX}) {
    arm_two_words();
    record().entry_count = count;
    expect_corrupt("count");
  }
}

TEST_F(HostileRecordTest, WidthThatIsNeitherFourNorEight) {
  for (std::uint64_t width = 0; width < 16; ++width)
    if (width != 4 && width != 8) expect_corrupt_entry({offset(1) << 4 | width, 1});
}

TEST_F(HostileRecordTest, MisalignedWord) {
  for (std::uint64_t shift = 1; shift < 8; ++shift) {
    expect_corrupt_entry({(offset(1) + shift) << 4 | 8, 1});
    if (shift != 4) expect_corrupt_entry({(offset(1) + shift) << 4 | 4, 1});
  }
}

TEST_F(HostileRecordTest, ValueWiderThanItsWord) {
  expect_corrupt_entry({offset(1) << 4 | 4, std::uint64_t{1} << 32});
}

TEST_F(HostileRecordTest, WordOutsideRootsAndHeap) {
  const layout::Geometry& geometry = segment().geometry();
  for (const Offset outside :
       {Offset{0}, Offset{layout::page_bytes}, geometry.slots_offset, geometry.record_offset,
        geometry.roots_offset - 8, roots().frontier * layout::page_bytes, geometry.capacity_bytes - 8,
        geometry.capacity_bytes, Offset{1} << 40, (Offset{1} << 60) - 8})
    for (const std::uint64_t width : {4U, 8U}) expect_corrupt_entry({outside << 4 | width, 1});
}

TEST_F(HostileRecordTest, GenerationWordInWholeOrInPart) {
  const Offset generation = roots_word(segment(), offsetof(layout::Roots, generation));
  expect_corrupt_entry({generation << 4 | 8, 9});
  expect_corrupt_entry({generation << 4 | 4, 9});
  expect_corrupt_entry({(generation + 4) << 4 | 4, 9});
}

TEST_F(HostileRecordTest, FrontierBeyondTheCapacity) {
  const Offset frontier = roots_word(segment(), offsetof(layout::Roots, frontier));
  const std::uint64_t pages = segment().geometry().capacity_bytes / layout::page_bytes;
  expect_corrupt_entry({frontier << 4 | 8, pages + 1});
  expect_corrupt_entry({frontier << 4 | 8, UINT64_MAX});
  expect_corrupt_entry({(frontier + 4) << 4 | 4, 1});
}

TEST_F(HostileRecordTest, TakeoverGenerationThatIsNotTheNext) {
  roots().generation = 5;
  for (const std::uint64_t takeover : {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{7}, UINT64_MAX}) {
    arm_two_words();
    record().takeover_generation = takeover;
    expect_corrupt("takeover generation");
  }
}

TEST_F(HostileRecordTest, FrontierInTheRootsBeyondTheCapacity) {
  roots().frontier = UINT64_MAX;
  arm({entry(0, 10), {segment().geometry().capacity_bytes << 4 | 8, 1}});
  expect_corrupt("frontier");
}

// --- the writer ------------------------------------------------------------------------------------------

TEST_F(TxnTest, WriterOwnsTheWordWhileItLives) {
  {
    Writer writer = take(Writer::acquire(attachment()));
    EXPECT_FALSE(writer.recovered());
    EXPECT_EQ(lease().writer, own());
    const Writer moved = std::move(writer);
    EXPECT_EQ(&moved.segment(), &segment());
    EXPECT_EQ(lease().writer, own());
  }
  EXPECT_EQ(lease().writer, 0U);
}

TEST_F(TxnTest, WriterRecoversWhatTheDeadLeft) {
  (void)dead_writer();
  arm_two_words();
  EXPECT_TRUE(take(Writer::acquire(attachment())).recovered());
  expect_two_words_and_generation(2);
  EXPECT_FALSE(take(Writer::acquire(attachment())).recovered());
}

TEST_F(TxnTest, WriterRecoversBehindAFreeWordToo) {
  arm_two_words();
  EXPECT_TRUE(take(Writer::acquire(attachment())).recovered());
  expect_two_words_and_generation(2);
}

TEST_F(TxnTest, WriterOnACorruptRecordIsRefusedAndLetsGo) {
  arm_two_words();
  record().entry_count = UINT32_MAX;
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_EQ(refusal(Writer::acquire(attachment())), Code::corrupt);
    EXPECT_EQ(lease().writer, 0U);
  }
  EXPECT_EQ(word(0), 0U);
}

TEST_F(TxnTest, WriterOnAFrozenSegmentIsRefusedAndLetsGo) {
  segment().superblock().sealed = layout::sealed_mark;
  EXPECT_EQ(refusal(Writer::acquire(attachment())), Code::frozen);
  EXPECT_EQ(lease().writer, 0U);
  arm_two_words();
  EXPECT_EQ(refusal(Writer::acquire(attachment())), Code::corrupt) << "sealed with an armed record";
  EXPECT_EQ(lease().writer, 0U);
  EXPECT_EQ(word(0), 0U);
}

TEST_F(TxnTest, WriterWaitsAsLongAsItsAttachmentMay) {
  const Party patient = place_.attach(short_wait_ms);
  const Writer writer = take(Writer::acquire(attachment()));
  std::thread([&] {  // on the same thread it would be `reentrant`
    const auto refused = Writer::acquire(*patient.attachment);
    EXPECT_EQ(refusal(refused), Code::timed_out);
    EXPECT_EQ(subject(refused), static_cast<std::uint64_t>(getpid()));
  })
      .join();
}

TEST(ReadOnlyTest, NeitherWriterNorSlotNorViewTouchesTheSegment) {
  const tests::ScratchDirectory scratch;
  segment::OpenRequest request;
  request.capacity_bytes = layout::capacity_bytes_min;
  request.identity = own();
  request.origin = take(sync::own_origin());
  const std::string path = scratch.file("segment");
  {
    const auto segment = take(take(segment::open_path(path, request)).finish());
    segment.superblock().sealed = layout::sealed_mark;
  }
  const auto attachment = std::make_shared<sync::Attachment>(take(segment::open_readonly(path)), 0);
  EXPECT_EQ(refusal(Writer::acquire(*attachment)), Code::read_only);
  const sync::Pin pin = take(sync::Pin::take(*attachment));
  EXPECT_EQ(refusal(enter_view(*attachment)), no_fault);
  leave_view(*attachment);
  EXPECT_EQ(sync::count_slots(attachment->segment()), 0U);
}

// --- views -----------------------------------------------------------------------------------------------

TEST_F(TxnTest, ViewRecoversFromADeadWriterFirst) {
  (void)dead_writer();
  arm_two_words();
  take(enter_view(attachment()));
  expect_two_words_and_generation(2);
  EXPECT_EQ(lease().views[0], own());
  EXPECT_EQ(lease().writer, 0U);
  leave_view(attachment());
  EXPECT_EQ(lease().views[0], 0U);
}

TEST_F(TxnTest, ViewRecoversBehindAFreeWordToo) {
  arm_two_words();
  take(enter_view(attachment()));
  expect_two_words_and_generation(2);
}

TEST_F(TxnTest, ViewOfACorruptRecordIsRefused) {
  arm_two_words();
  record().entry_count = UINT32_MAX;
  EXPECT_EQ(refusal(enter_view(attachment())), Code::corrupt);
  EXPECT_EQ(lease().views[0], 0U);
  EXPECT_EQ(lease().writer, 0U);
}

TEST_F(TxnTest, ViewOfAFrozenSegmentIsHadBehindADeadWriter) {
  (void)dead_writer();
  segment().superblock().sealed = layout::sealed_mark;
  take(enter_view(attachment()));
  EXPECT_EQ(lease().views[0], own());
}

TEST_F(TxnTest, MutationBelowAViewIsRefused) {
  take(enter_view(attachment()));
  EXPECT_EQ(refusal(Writer::acquire(attachment())), Code::view_held);
  leave_view(attachment());
  leave_view(attachment());  // one too many is none
  EXPECT_EQ(refusal(Writer::acquire(attachment())), no_fault);
}

TEST_F(TxnTest, ChildCannotLeaveTheViewOfItsParent) {
  take(enter_view(attachment()));
  EXPECT_EQ(Child([&] {
              leave_view(attachment());
              return 0;
            }).join(),
            0);
  EXPECT_EQ(lease().views[0], own());
}

TEST_F(TxnTest, PlanThatStoresAByteTwiceIsNotConsistent) {
  for (const std::uint64_t half : {0U, 4U}) {
    Transaction tx(segment());
    tx.store64(offset(0), 1);
    EXPECT_TRUE(tx.is_consistent());
    tx.store32(offset(0) + half, 2);
    EXPECT_FALSE(tx.is_consistent());
  }
  Transaction tx(segment());
  tx.store32(offset(2), 1);
  tx.store32(offset(2) + 4, 2);
  tx.store64(offset(3), 3);
  tx.publish32(offset(4), 4);
  EXPECT_TRUE(tx.is_consistent());
}

TEST_F(TxnTest, PublishInsideAPlannedWordIsNotConsistent) {
  for (const std::uint64_t half : {0U, 4U}) {
    Transaction tx(segment());
    tx.store64(offset(0), 1);
    tx.publish32(offset(0) + half, 2);
    EXPECT_FALSE(tx.is_consistent());
  }
}

}  // namespace
}  // namespace radish::txn
