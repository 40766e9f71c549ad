// Floor 1: the writer word and stable views.
#include <gtest/gtest.h>

#include "sync_fixture.h"

namespace radish::sync {
namespace {

// --- the writer word -------------------------------------------------------------------------------------

TEST(LockTest, WriterWordNamesItsOwner) {
  Place place;
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().writer, take(own_identity()));
  place.first().release();
  EXPECT_EQ(place.lease().writer, 0U);
}

TEST(LockTest, OneWriterAtATime) {
  constexpr int turns = 2000;
  Place place;
  const Party& party = place.first();
  volatile std::uint64_t& counter = *place.words();
  const auto count_up = [&] {
    for (int turn = 0; turn < turns; ++turn) {
      take(party.acquire());
      counter = counter + 1;
      party.release();
    }
    return 0;
  };
  Child one(count_up), two([&] {
    std::thread beside(count_up);
    count_up();
    beside.join();
    return 0;
  });
  EXPECT_EQ(one.join(), 0);
  EXPECT_EQ(two.join(), 0);
  EXPECT_EQ(counter, 3U * turns);
}

TEST(LockTest, SecondAcquireOfAThreadIsReentrant) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  EXPECT_EQ(refusal(party.acquire()), Code::reentrant);
  EXPECT_EQ(refusal(party.enter()), Code::reentrant);
  party.release();
  EXPECT_EQ(refusal(party.acquire()), no_fault);
}

TEST(LockTest, MutationBelowOnesOwnViewIsRefused) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  EXPECT_EQ(refusal(party.acquire()), Code::view_held);
  party.leave();
  EXPECT_EQ(refusal(party.acquire()), no_fault);
}

TEST(LockTest, WordOfTheDeadIsTakenAndSaid) {
  Place place;
  const Party& party = place.first();
  Child([&] { return take(party.acquire()) ? 1 : 0; }).join();
  EXPECT_NE(place.lease().writer, 0U);
  EXPECT_TRUE(take(party.acquire()));
  EXPECT_EQ(place.lease().writer, take(own_identity()));
  party.release();
  EXPECT_FALSE(take(party.acquire()));
}

TEST(LockTest, WordOfAZombieIsTaken) {
  Place place;
  const Party& party = place.first();
  Child child([&] { return take(party.acquire()) ? 1 : 0; });
  child.await_end();
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, WordOfAProgramThatWasReplacedIsTaken) {
  Place place;
  const Party& party = place.first();
  Execed execed([&] { take(party.acquire()); });
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, WordFromBeforeOnesOwnExecIsTaken) {
  Place place;
  const Party& party = place.first();
  place.lease().writer = with_other_tag(take(own_identity()));
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, StoppedHolderIsNotRobbedAndTheDeadlineNamesIt) {
  Place place;
  const Party& party = place.first();
  Resting holder([&] { take(party.acquire()); });
  holder.stop();
  const auto refused = party.acquire(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), holder.pid());
  EXPECT_EQ(place.lease().writer, holder.identity());
  EXPECT_EQ(place.lease().waiters, 0U);
  holder.child().kill_and_reap();
  EXPECT_TRUE(take(party.acquire()));
}

TEST(LockTest, AnotherThreadOfOnesProcessIsWaitedFor) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  std::thread([&] {
    const auto refused = party.acquire(short_wait_ms);
    EXPECT_EQ(refusal(refused), Code::timed_out);
    EXPECT_EQ(subject(refused), own_pid());
  }).join();
  party.release();
}

TEST(LockTest, SleepingWaiterGoesOnWhenTheHolderDies) {
  Place place;
  const Party& party = place.first();
  Resting holder([&] { take(party.acquire()); });
  Child waiter([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  holder.child().send_kill();
  EXPECT_EQ(waiter.join(), 7);
}

TEST(LockTest, SleepingWaiterGoesOnAtTheRelease) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  Child waiter([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  party.release();
  EXPECT_EQ(waiter.join(), 8);
}

TEST(LockTest, CountOfWaitersLeftByTheKilledCostsNothingButAWake) {
  Place place;
  const Party& party = place.first();
  place.lease().waiters = 1000;
  take(party.acquire());
  party.release();
  EXPECT_EQ(place.lease().waiters, 1000U);
  EXPECT_FALSE(take(party.acquire()));
}

// --- stable views ----------------------------------------------------------------------------------------

TEST(ViewTest, WriterWaitsForAView) {
  Place place;
  const Party& party = place.first();
  Resting viewer([&] { take(party.enter()); });
  const auto refused = party.acquire(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), viewer.pid());
  EXPECT_EQ(place.lease().writer, 0U) << "who gives up lets go of the word";
}

TEST(ViewTest, WriterGoesOnWhenTheViewIsLeft) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  Child writer([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref waiters(place.lease().waiters);
  spin_until([&] { return waiters.load() != 0; });
  party.leave();
  EXPECT_EQ(writer.join(), 8);
}

TEST(ViewTest, ViewWaitsForTheWriter) {
  Place place;
  const Party& party = place.first();
  Resting writer([&] { take(party.acquire()); });
  const auto refused = party.enter(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::timed_out);
  EXPECT_EQ(subject(refused), writer.pid());
  for (const std::uint64_t view : place.lease().views) EXPECT_EQ(view, 0U);
}

TEST(ViewTest, ViewWaitsForAWriterThatWaitsForAView) {
  Place place;
  const Party& party = place.first();
  const Party second = place.attach();
  take(party.enter());
  Child writer([&] { return take(party.acquire()) ? 7 : 8; });
  std::atomic_ref writer_word(place.lease().writer);
  spin_until([&] { return writer_word.load() != 0; });
  EXPECT_EQ(refusal(second.enter(short_wait_ms)), Code::timed_out);
  party.leave();
  EXPECT_EQ(writer.join(), 8);
}

TEST(ViewTest, SeveralViewsAreHeldAtOnce) {
  Place place;
  const Party second = place.attach();
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
  EXPECT_EQ(take(second.enter()), ViewEntry::entered);
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
  EXPECT_EQ(place.lease().views[1], take(own_identity()));
}

TEST(ViewTest, NestedViewIsTheSame) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  take(party.enter());
  EXPECT_EQ(place.lease().views[1], 0U);
  party.leave();
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
  party.leave();
  EXPECT_EQ(place.lease().views[0], 0U);
}

TEST(ViewTest, ViewOfTheDeadHoldsNobodyUp) {
  Place place;
  const Party& party = place.first();
  EXPECT_EQ(Child([&] { return take(party.enter()) == ViewEntry::entered ? 0 : 1; }).join(), 0);
  EXPECT_NE(place.lease().views[0], 0U);
  EXPECT_FALSE(take(party.acquire()));
  EXPECT_EQ(place.lease().views[0], 0U);
}

TEST(ViewTest, ViewFromBeforeOnesOwnExecHoldsNobodyUp) {
  Place place;
  place.lease().views[5] = with_other_tag(take(own_identity()));
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().views[5], 0U);
}

TEST(ViewTest, DeadWriterIsReportedNotWaitedFor) {
  Place place;
  const Party& party = place.first();
  Child([&] { return take(party.acquire()) ? 1 : 0; }).join();
  EXPECT_EQ(take(party.enter()), ViewEntry::writer_died);
  for (const std::uint64_t view : place.lease().views) EXPECT_EQ(view, 0U);
  EXPECT_EQ(party.state().view_depth, 0U);
}

TEST(ViewTest, ChildDoesNotHoldTheViewOfItsParent) {
  Place place;
  const Party& party = place.first();
  take(party.enter());
  EXPECT_EQ(Child([&] {
              if (party.state().view_depth != 0) return 1;
              const auto refused = party.acquire(short_wait_ms);
              return refusal(refused) == Code::timed_out ? 0 : 2;
            }).join(),
            0);
  EXPECT_EQ(place.lease().views[0], take(own_identity()));
}

TEST(ViewTest, SixtyFifthViewIsRefused) {
  Place place;
  std::vector<Party> parties;
  for (std::uint32_t view = 0; view < layout::view_entries; ++view) {
    parties.push_back(place.attach());
    ASSERT_EQ(take(parties.back().enter()), ViewEntry::entered);
  }
  const auto refused = place.first().enter(short_wait_ms);
  EXPECT_EQ(refusal(refused), Code::too_many_views);
  EXPECT_EQ(subject(refused), own_pid());
  EXPECT_EQ(refusal(place.first().enter()), Code::too_many_views) << "without a deadline too";
  parties[40].leave();
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
}

TEST(ViewTest, TableFullOfTheDeadIsCleared) {
  Place place;
  const Identity dead = dead_identity();
  for (std::uint64_t& view : place.lease().views) view = dead;
  EXPECT_EQ(take(place.first().enter()), ViewEntry::entered);
}

TEST(ViewTest, NothingChangesUnderAView) {
  constexpr int views = 200;
  Place place;
  const Party& party = place.first();
  Shared<std::atomic<bool>> enough;
  volatile std::uint64_t* const words = place.words();
  const auto write = [&] {
    while (!enough->load()) {
      take(party.acquire());
      words[0] = words[0] + 1;
      words[1] = words[1] + 1;
      party.release();
    }
    return 0;
  };
  Child one(write), two(write);
  for (int view = 0; view < views; ++view) {
    take(party.enter());
    const std::uint64_t first = words[0];
    for (int look = 0; look < 100; ++look) ASSERT_EQ(words[1], first);
    ASSERT_EQ(words[0], first);
    party.leave();
  }
  *enough = true;
  EXPECT_EQ(one.join(), 0);
  EXPECT_EQ(two.join(), 0);
}

TEST(ViewTest, GetsInHoweverBusyTheWriters) {
  Place place;
  const Party& party = place.first();
  Shared<std::atomic<bool>> enough;
  const auto write = [&] {
    while (!enough->load()) {
      take(party.acquire());
      party.release();
    }
    return 0;
  };
  Child writers[] = {Child(write), Child(write), Child(write)};
  for (int view = 0; view < 5; ++view) {
    EXPECT_EQ(take(party.enter()), ViewEntry::entered);
    party.leave();
  }
  *enough = true;
  for (Child& writer : writers) EXPECT_EQ(writer.join(), 0);
}

TEST(ViewTest, LongWaitingViewPostsATurnAndTakesItBack) {
  Place place;
  const Party& party = place.first();
  take(party.acquire());
  Shared<Identity> identity;
  Child viewer([&] {
    *identity = take(own_identity());
    return take(party.enter()) == ViewEntry::entered ? 0 : 1;
  });
  std::atomic_ref turn(place.lease().turn);
  spin_until([&] { return turn.load() != 0; });
  EXPECT_EQ(turn.load(), *identity);
  party.release();
  EXPECT_EQ(viewer.join(), 0);
  EXPECT_EQ(turn.load(), 0U);
}

TEST(ViewTest, TurnOfTheDeadIsCleared) {
  Place place;
  place.lease().turn = dead_identity();
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().turn, 0U);
}

TEST(ViewTest, TurnOfAStoppedWaiterIsCleared) {
  Place place;
  Resting waiter;
  waiter.stop();
  place.lease().turn = waiter.identity();
  EXPECT_FALSE(take(place.first().acquire()));
  EXPECT_EQ(place.lease().turn, 0U);
}

TEST(ViewTest, ViewThatGivesUpLeavesNoTurnBehind) {
  Place place;
  const Party& party = place.first();
  Resting writer([&] { take(party.acquire()); });
  EXPECT_EQ(refusal(party.enter(120)), Code::timed_out);
  EXPECT_EQ(place.lease().turn, 0U);
}

}  // namespace
}  // namespace radish::sync
