// Floor 2: settling the lease, alone, beside others, and after one's own exec.
#include <gtest/gtest.h>

#include "txn_fixture.h"

namespace radish::txn {
namespace {

// --- settling alone --------------------------------------------------------------------------------------

class SettleAloneTest : public TxnTest {
 protected:
  [[nodiscard]] Expected<Outcome> settle() const {
    return settle_alone(segment(), own(), take(sync::own_origin()), accept);
  }
  [[nodiscard]] bool lease_is_ours() const {
    return lease().origin == take(sync::own_origin()) &&
           lease().checksum == segment::lease_checksum(lease().origin);
  }
  void make_foreign() const {
    lease().origin.boot_id[3] ^= 1;
    lease().checksum = segment::lease_checksum(lease().origin);
  }
};

TEST_F(SettleAloneTest, WholeSegmentIsAttachedTo) {
  EXPECT_EQ(take(settle()), Outcome::attached);
  EXPECT_EQ(roots().generation, 1U);
  EXPECT_EQ(lease().writer, 0U);
  EXPECT_NE(lease().heartbeat, 0U);
}

TEST_F(SettleAloneTest, EveryCoordinationWordIsForgotten) {
  for (std::uint64_t& view : lease().views) view = UINT64_MAX;
  lease().turn = own();
  lease().waiters = 5;
  lease().slots_high_water = UINT32_MAX;
  for (std::uint32_t index = 0; index < segment().geometry().reader_slots; ++index)
    segment().slots()[index].owner = segment().slots()[index].pin = index % 3;
  EXPECT_EQ(take(settle()), Outcome::attached);
  for (const std::uint64_t view : lease().views) EXPECT_EQ(view, 0U);
  EXPECT_EQ(lease().turn, 0U);
  EXPECT_EQ(lease().waiters, 0U);
  EXPECT_EQ(lease().slots_high_water, 0U);
  for (std::uint32_t index = 0; index < segment().geometry().reader_slots; ++index) {
    EXPECT_EQ(segment().slots()[index].owner, 0U);
    EXPECT_EQ(segment().slots()[index].pin, 0U);
  }
}

TEST_F(SettleAloneTest, WriterWordOfAnybodyIsADeadOnes) {
  for (const Identity writer : {own(), Identity{1}, UINT64_MAX}) {
    const std::uint64_t generation = roots().generation;
    lease().writer = writer;
    EXPECT_EQ(take(settle()), Outcome::recovered);
    EXPECT_EQ(roots().generation, generation + 1);
    EXPECT_EQ(lease().writer, 0U);
  }
}

TEST_F(SettleAloneTest, ArmedRecordIsReplayed) {
  lease().writer = 1;
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  expect_two_words_and_generation(2);
}

TEST_F(SettleAloneTest, ArmedRecordBehindAFreeWordIsReplayed) {
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  expect_two_words_and_generation(2);
}

TEST_F(SettleAloneTest, ForeignLeaseIsMadeAnew) {
  make_foreign();
  EXPECT_EQ(take(settle()), Outcome::healed);
  EXPECT_EQ(roots().generation, 2U);
  EXPECT_TRUE(lease_is_ours());
  EXPECT_EQ(take(settle()), Outcome::attached);
}

TEST_F(SettleAloneTest, UnreadableLeaseIsMadeAnew) {
  lease().checksum ^= 1;
  EXPECT_EQ(take(settle()), Outcome::healed);
  EXPECT_EQ(roots().generation, 2U);
  EXPECT_TRUE(lease_is_ours());
}

TEST_F(SettleAloneTest, HealingReplaysAnArmedRecordFirst) {
  make_foreign();
  lease().writer = 1;
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::healed);
  expect_two_words_and_generation(2);
  EXPECT_TRUE(lease_is_ours());
}

TEST_F(SettleAloneTest, CorruptRecordKeepsTheLeaseAsItWas) {
  make_foreign();
  const layout::LeaseOrigin origin = lease().origin;
  arm_two_words();
  record().entry_count = UINT32_MAX;
  EXPECT_EQ(refusal(settle()), Code::corrupt);
  EXPECT_EQ(lease().origin, origin);
  EXPECT_EQ(roots().generation, 1U);
  EXPECT_EQ(word(0), 0U);
}

// --- settling beside others ------------------------------------------------------------------------------

class SettleBesideTest : public TxnTest {
 protected:
  [[nodiscard]] Expected<Outcome> settle() const { return settle_beside(*beside_.attachment); }
  Party beside_ = place_.attach(short_wait_ms);
};

TEST_F(SettleBesideTest, LivingWriterIsLeftAlone) {
  const Writer writer = take(Writer::acquire(attachment()));
  EXPECT_EQ(take(settle()), Outcome::attached);
  EXPECT_EQ(lease().writer, own());
}

TEST_F(SettleBesideTest, DeadWriterIsRecoveredFrom) {
  (void)dead_writer();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  EXPECT_EQ(roots().generation, 2U);
  (void)dead_writer();
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  expect_two_words_and_generation(3);
  EXPECT_EQ(lease().writer, 0U);
}

TEST_F(SettleBesideTest, ArmedRecordBehindAFreeWordIsReplayed) {
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  expect_two_words_and_generation(2);
}

TEST_F(SettleBesideTest, WriterWordFromBeforeOnesExecIsRecoveredFrom) {
  lease().writer = before_exec();
  arm_two_words();
  EXPECT_EQ(take(settle()), Outcome::recovered);
  expect_two_words_and_generation(2);
}

TEST_F(SettleBesideTest, SlotsAndViewsFromBeforeOnesExecAreCleared) {
  lease().views[7] = before_exec();
  EXPECT_EQ(take(settle()), Outcome::attached);
  EXPECT_EQ(lease().views[7], 0U);
  segment().slots()[2] = {.owner = before_exec(), .pin = 1, .met_pin = 0, .met_ns = 0, .reserved = {}};
  lease().slots_high_water = 3;
  EXPECT_EQ(take(settle()), Outcome::attached);
  EXPECT_EQ(segment().slots()[2].owner, 0U);
  EXPECT_EQ(segment().slots()[2].pin, 0U);
  EXPECT_EQ(roots().generation, 1U);
}

TEST_F(SettleBesideTest, UnreadableLeaseIsCorruptWhileOthersAreAttached) {
  lease().checksum ^= 1;
  EXPECT_EQ(refusal(settle()), Code::corrupt);
}

TEST_F(SettleBesideTest, ForeignNamespaceIsRefused) {
  for (std::uint64_t layout::LeaseOrigin::* const number :
       {&layout::LeaseOrigin::pid_namespace, &layout::LeaseOrigin::time_namespace}) {
    lease().origin.*number ^= 1;
    lease().checksum = segment::lease_checksum(lease().origin);
    EXPECT_EQ(refusal(settle()), Code::foreign_namespace);
    lease().origin.*number ^= 1;
  }
}

TEST_F(SettleBesideTest, NamespaceIsAskedForAgainInAChild) {
  EXPECT_EQ(take(settle()), Outcome::attached);
  lease().origin.pid_namespace ^= 1;
  EXPECT_EQ(Child([&] {
              return refusal(Writer::acquire(*beside_.attachment)) == Code::foreign_namespace ? 0 : 1;
            }).join(),
            0);
}

// --- one's own exec --------------------------------------------------------------------------------------

constexpr const char* exec_variable = "RADISH_TEST_SETTLE_DESCRIPTOR";

/// What this program is when a test has exec'ed it: it attaches to the segment behind a descriptor, in the
/// same process as the program before it, and exits with what `settle_beside` says.
[[noreturn]] void settle_after_exec(int descriptor) {
  segment::OpenRequest request;
  request.identity = own();
  request.origin = take(sync::own_origin());
  const auto attachment = std::make_shared<sync::Attachment>(
      take(take(segment::open_descriptor(descriptor, request)).finish()), 0);
  // One exec in 4,096 draws the same tag: the words are then its own.
  if (attachment->segment().lease().writer == own()) execl("/proc/self/exe", "radish_tests", nullptr);
  const auto outcome = settle_beside(*attachment);
  _exit(outcome ? static_cast<int>(*outcome) : 100);
}

[[maybe_unused]] const bool was_execed = [] {
  if (const char* descriptor = std::getenv(exec_variable)) settle_after_exec(std::atoi(descriptor));
  return false;
}();

TEST_F(TxnTest, ProgramRecoversWhatItHeldBeforeItsOwnExec) {
  const Party& party = place_.first();
  Child child([&] {
    take(party.attachment->claim_slot(party.state()));
    take(party.acquire());
    arm_two_words();
    const int descriptor = fcntl(segment().descriptor(), F_DUPFD, 3);  // lives through the exec
    setenv(exec_variable, std::to_string(descriptor).c_str(), 1);
    execl("/proc/self/exe", "radish_tests", nullptr);
    return 101;
  });
  EXPECT_EQ(child.join(), static_cast<int>(Outcome::recovered));
  expect_two_words_and_generation(2);
  EXPECT_EQ(lease().writer, 0U);
  EXPECT_EQ(sync::count_slots(segment()), 0U);
}

}  // namespace
}  // namespace radish::txn
