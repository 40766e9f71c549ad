// Floor 2: plans and their record.
#include <gtest/gtest.h>

#include "txn_fixture.h"

namespace radish::txn {
namespace {

TEST_F(TxnTest, PlanReadsWhatItStored) {
  word(0) = 5;
  word(1) = 6;
  Transaction tx(segment());
  EXPECT_EQ(tx.load64(offset(0)), 5U);
  EXPECT_EQ(tx.load32(offset(1)), 6U);
  tx.store64(offset(0), 50);
  tx.store32(offset(1), 60);
  EXPECT_EQ(tx.load64(offset(0)), 50U);
  EXPECT_EQ(tx.load32(offset(1)), 60U);
  EXPECT_EQ(tx.load32(offset(1) + 4), 0U);
  EXPECT_EQ(word(0), 5U) << "nothing has happened yet";
  EXPECT_EQ(word(1), 6U);
  EXPECT_EQ(record().armed, 0U);
}

TEST_F(TxnTest, CommitMakesEveryStoreAndDisarms) {
  word(1) = UINT64_MAX;
  Transaction tx(segment());
  tx.store64(offset(0), UINT64_MAX - 1);
  tx.store32(offset(1) + 4, 7);
  tx.publish32(offset(2), 8);
  tx.commit();
  EXPECT_EQ(word(0), UINT64_MAX - 1);
  EXPECT_EQ(word(1), 7ULL << 32 | UINT32_MAX);
  EXPECT_EQ(word(2), 8U);
  EXPECT_EQ(record().armed, 0U);
  EXPECT_EQ(roots().generation, 1U);
}

TEST_F(TxnTest, RecordHasEachWordOnceAndThePublishedOneLast) {
  Transaction tx(segment());
  tx.publish32(offset(2), 9);
  tx.store64(offset(0), 1);
  tx.store64(offset(1), 2);
  tx.store64(offset(0), 3);
  tx.commit();
  EXPECT_EQ(word(0), 3U);
  ASSERT_EQ(record().entry_count, 3U);
  const layout::RecordEntry* entries = segment().record_entries();
  EXPECT_EQ(entries[0].target, offset(0) << 4 | 8);
  EXPECT_EQ(entries[1].target, offset(1) << 4 | 8);
  EXPECT_EQ(entries[2].target, offset(2) << 4 | 4);
  EXPECT_EQ(entries[2].value, 9U);
  EXPECT_EQ(record().takeover_generation, 2U);
}

TEST_F(TxnTest, PlanIsEmptyAfterItsCommit) {
  Transaction tx(segment());
  tx.store64(offset(0), 1);
  tx.publish32(offset(1), 2);
  tx.commit();
  word(0) = 0;
  tx.commit();
  EXPECT_EQ(word(0), 0U);
  tx.publish32(offset(1), 3);
  tx.store64(offset(2), 4);
  tx.commit();
  EXPECT_EQ(word(1), 3U);
  EXPECT_EQ(record().entry_count, 2U);
}

TEST_F(TxnTest, PlanOfOneStoreNeedsNoRecord) {
  record().entry_count = 77;
  Transaction tx(segment());
  tx.store64(offset(3), 12);
  tx.commit();
  EXPECT_EQ(word(3), 12U);
  EXPECT_EQ(record().entry_count, 77U);
}

TEST_F(TxnTest, SeveralPublishedWordsComeInTheOrderOfTheirLastStores) {
  Transaction tx(segment(), Transaction::WholeRecord{});
  tx.publish32(offset(0), 1);
  tx.publish32(offset(1), 2);
  tx.store64(offset(5), 7);
  tx.publish64(offset(2), 3);
  tx.publish32(offset(0), 4);
  EXPECT_EQ(tx.load32(offset(0)), 4U);
  EXPECT_TRUE(tx.is_consistent());
  tx.commit();
  ASSERT_EQ(record().entry_count, 4U);
  const layout::RecordEntry* entries = segment().record_entries();
  EXPECT_EQ(entries[0].target, offset(5) << 4 | 8);
  EXPECT_EQ(entries[1].target, offset(1) << 4 | 4);
  EXPECT_EQ(entries[2].target, offset(2) << 4 | 8);
  EXPECT_EQ(entries[3].target, offset(0) << 4 | 4);
  EXPECT_EQ(word(0), 4U);
  EXPECT_EQ(word(2), 3U);
}

TEST_F(TxnTest, PlanForAWholeRecordFillsItAndIsTooLargeBeyond) {
  const std::uint32_t entries = segment().geometry().record_entries;
  Transaction tx(segment(), Transaction::WholeRecord{});
  for (std::uint32_t index = 0; index + 1 < entries; ++index) tx.store64(offset(index), index + 1);
  tx.publish32(offset(entries), 5);
  EXPECT_FALSE(tx.is_too_large());
  tx.commit();
  EXPECT_EQ(record().entry_count, entries);
  EXPECT_EQ(word(0), 1U);
  EXPECT_EQ(word(entries), 5U);
  for (std::uint32_t index = 0; index <= entries; ++index) tx.publish32(offset(index), index + 2);
  EXPECT_TRUE(tx.is_too_large());
  tx.reset();
  EXPECT_FALSE(tx.is_too_large());
  EXPECT_EQ(word(0), 1U);
}

TEST_F(TxnTest, SavepointBringsAPlanBack) {
  for (const bool empty : {true, false}) {
    Transaction tx(segment(), Transaction::WholeRecord{});
    if (!empty) {
      tx.store64(offset(0), 1);
      tx.publish32(offset(1), 2);
    }
    const txn::Savepoint before(tx);
    tx.store64(offset(0), 5);
    tx.store64(offset(2), 6);
    tx.publish32(offset(1), 7);
    tx.publish32(offset(3), 8);
    before.restore();
    EXPECT_EQ(tx.planned(), empty ? 0U : 2U);
    EXPECT_EQ(tx.load64(offset(0)), empty ? 0U : 1U);
    EXPECT_EQ(tx.load32(offset(1)), empty ? 0U : 2U);
    EXPECT_EQ(tx.load64(offset(2)), 0U);
    EXPECT_EQ(tx.load32(offset(3)), 0U);
  }
}

TEST_F(TxnTest, EmptyPlanTouchesNothing) {
  record().entry_count = 77;
  Transaction(segment()).commit();
  EXPECT_EQ(record().entry_count, 77U);
  EXPECT_EQ(record().takeover_generation, 0U);
}

TEST_F(TxnTest, ResetForgetsThePlan) {
  Transaction tx(segment());
  tx.store64(offset(0), 1);
  tx.publish32(offset(1), 2);
  tx.reset();
  EXPECT_EQ(tx.load64(offset(0)), 0U);
  tx.commit();
  EXPECT_EQ(word(0), 0U);
  EXPECT_EQ(word(1), 0U);
}

TEST_F(TxnTest, FillsAreMadeAtOnce) {
  Transaction tx(segment());
  tx.fill(offset(0), "abcdefgh", 8);
  tx.prepare(offset(1), "ij", 2);
  tx.fill(offset(2), nullptr, 0);
  EXPECT_EQ(std::memcmp(&word(0), "abcdefghij", 10), 0);
  EXPECT_EQ(record().armed, 0U);
}

TEST_F(TxnTest, LargestPlanFits) {
  Transaction tx(segment());
  for (std::size_t index = 0; index < planned_stores_max; ++index) tx.store64(offset(index), index + 1);
  tx.commit();
  for (std::size_t index = 0; index < planned_stores_max; ++index) ASSERT_EQ(word(index), index + 1);
}

using TxnDeathTest = TxnTest;

TEST_F(TxnDeathTest, PlanBeyondItsBoundAborts) {
  Transaction tx(segment());
  for (std::size_t index = 0; index < planned_stores_max; ++index) tx.store64(offset(index), 1);
  EXPECT_DEATH(tx.store64(offset(planned_stores_max), 1), "X3");
  EXPECT_DEATH(tx.publish32(offset(planned_stores_max), 1), "X3");
}

TEST_F(TxnDeathTest, SecondPublishedWordAborts) {
  Transaction tx(segment());
  tx.publish32(offset(0), 1);
  EXPECT_DEATH(tx.publish32(offset(1), 1), "X3");
}

TEST_F(TxnDeathTest, PublishingAWordThatIsStoredTooAborts) {
  Transaction tx(segment());
  tx.store32(offset(0), 1);
  tx.publish32(offset(0), 2);
  EXPECT_DEATH(tx.commit(), "X3");
}

}  // namespace
}  // namespace radish::txn
