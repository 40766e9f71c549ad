// The twins of floors 0 to 2: each must be caught by the check beside it, which passes without the twin.
#include <gtest/gtest.h>

#include "seam/probe_seam.h"
#include "sync_fixture.h"
#include "txn_fixture.h"

namespace radish::sync {
namespace {

using probe::Impersonation;
using probe::Watch;
using probe::Watched;
using Check = bool (*)();

/// What holds of the code and does not of its twin.
void expect_caught(Twin twin, Check holds) {
  EXPECT_TRUE(holds());
  const Impersonation impersonation(twin);
  EXPECT_FALSE(holds());
}

/// A process that holds a slot and a pin in it.
Resting pinned_reader(const Place& place) {
  return Resting([&] {
    take(place.first().attachment->claim_slot(place.first().state()));
    place.first().slot().pin = 1;
  });
}

TEST(TwinTest, SlotFreedWhoeverOwnsItIsCaught) {
  expect_caught(Twin::slot_freed_whoever_owns_it, [] {
    const Place place;
    const Resting reader = pinned_reader(place);
    place.first().sweep();
    return place.first().slot().owner == reader.identity() && place.first().slot().pin == 1;
  });
}

TEST(TwinTest, PinOfTheDeadInheritedIsCaught) {
  expect_caught(Twin::pin_of_the_dead_inherited, [] {
    const Place place;
    pinned_reader(place).child().kill_and_reap();
    place.first().sweep();
    take(place.first().attachment->claim_slot(place.first().state()));
    return oldest_pin(place.first().segment()).epoch == UINT64_MAX;
  });
}

TEST(TwinTest, LivenessByNumberAloneIsCaught) {
  expect_caught(Twin::liveness_by_number_alone, [] {
    const Place place;
    const Resting stranger;  // has the number of the dead
    place.lease().writer = with_start(stranger.identity(), start_of(stranger.identity()) - 1);
    return refusal(place.first().acquire(short_wait_ms)) == no_fault;
  });
}

TEST(TwinTest, ZombieByStateLetterIsCaught) {
  expect_caught(Twin::zombie_by_state_letter, [] {
    const Place place;
    Bell held;
    const Child writer([&] {
      std::thread([&] {
        take(place.first().acquire());
        held.ring();
        rest_until_killed();
      }).detach();
      tests::exit_this_thread_alone();
      return 0;
    });
    held.wait();
    spin_until([&] { return tests::main_thread_has_exited(writer.pid()); });
    return refusal(place.first().acquire(short_wait_ms)) == Code::timed_out;
  });
}

TEST(TwinTest, ExecTagIgnoredIsCaught) {
  expect_caught(Twin::exec_tag_ignored, [] {
    const Place place;
    place.lease().writer = with_other_tag(take(own_identity()));
    return refusal(place.first().acquire(short_wait_ms)) == no_fault;
  });
}

TEST(TwinTest, AttachLockByUpgradeIsCaught) {
  expect_caught(Twin::attach_lock_by_upgrade, [] {
    const Place place;
    const Resting child;  // attached by inheritance
    const segment::Opening opening = place.open();
    return !opening.alone();
  });
}

}  // namespace
}  // namespace radish::sync

namespace radish::txn {
namespace {

using probe::Impersonation;
using probe::Watch;
using probe::Watched;

/// A dead writer left a word to be stored. While this process takes over, another one does so, and stores
/// something later into it; how often that was lost, over all moments at which the other may come.
class TakeoverTest : public TxnTest {
 protected:
  std::uint64_t lost_stores() {
    std::uint64_t lost = 0;
    bool stepped = true;
    for (std::uint64_t nth = 1; stepped; ++nth) {
      lease().writer = dead_;
      arm_two_words();
      bool stored = false;
      stepped = false;
      {
        const Watch watch(Watched::events, nth, [&] {
          stepped = true;
          stored = Child([&] { return store_later_value(); }).join() == 0;
        });
        take(Writer::acquire(attachment()));
      }
      lost += stored && word(0) != later_value;
    }
    return lost;
  }

 private:
  static constexpr std::uint64_t later_value = 99;
  int store_later_value() {
    const Party other = place_.attach(1);
    const auto writer = Writer::acquire(*other.attachment);
    if (!writer) return 1;
    Transaction tx(writer->segment());
    tx.store64(offset(0), later_value);
    tx.commit();
    return 0;
  }
  Identity dead_ = dead_writer();
};

TEST_F(TakeoverTest, NothingIsLostThatAnotherStoredMeanwhile) { EXPECT_EQ(lost_stores(), 0U); }

TEST_F(TakeoverTest, TwinThatRecoversBeforeItsSwapIsCaught) {
  const Impersonation twin(Twin::recovery_before_swap);
  EXPECT_GT(lost_stores(), 0U);
}

}  // namespace
}  // namespace radish::txn
