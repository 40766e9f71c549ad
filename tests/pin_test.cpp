// Pins that the caller holds over many reads.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "processes.h"
#include "radish/integer_map.hpp"
#include "scratch.h"
#include "trees.h"

namespace radish::tests {
namespace {

struct PinTest : ::testing::Test {
  Segment segment = take(Segment::create_memfd("pins", {.capacity_bytes = 256 << 10, .reader_slots = 8}));
  Tree tree = segment.tree();
  Tree other = take(Tree::open_descriptor(segment.descriptor()));

  PinTest() { take(tree.insert("key", 1)); }

  /// What a slot is pinned at; 0 if it is not, or nobody's.
  [[nodiscard]] std::uint64_t pinned_at(std::uint32_t slot) const {
    const auto readers = take(tree.readers());
    const auto found = std::ranges::find(readers, slot, &Reader::slot);
    return found == readers.end() ? 0 : found->epoch;
  }
  /// How often this thread has given the processor up of its own accord.
  static long sleeps() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
  }
  /// Replaces keys until the epoch has moved, or that is refused; why it was.
  static std::optional<Error> churn(Tree& by) {
    for (std::uint64_t turn = 0; turn < 20'000; ++turn) {
      if (const auto inserted = by.insert("some other key " + std::to_string(turn), turn); !inserted)
        return inserted.error();
      take(by.erase("some other key " + std::to_string(turn)));
    }
    return std::nullopt;
  }
};

TEST_F(PinTest, ReadsUnderAPinAreAnnouncedOnce) {
  std::optional<Pin> pin = take(segment.pin());
  const std::uint64_t since = pinned_at(0);
  ASSERT_NE(since, 0U);
  take(other.erase("key"));
  take(other.insert("key", 2));
  EXPECT_EQ(take(tree.find("key")), 2U) << "it is no view";
  EXPECT_EQ(pinned_at(0), since);
  pin.reset();
  EXPECT_EQ(pinned_at(0), 0U);
}

TEST_F(PinTest, PinCoversEveryRootOfItsAttachment) {
  const IntegerMap map = take(segment.integer_map("numbers"));
  const Pin pin = take(segment.pin());
  EXPECT_FALSE(take(map.find(5)));
  EXPECT_FALSE(take(map.lower_bound(5)));
  EXPECT_NE(pinned_at(0), 0U);
}

TEST_F(PinTest, WhatIsReplacedIsNotUsedAgainUntilThePinIsGone) {
  std::optional<Pin> pin = take(segment.pin());
  const auto refused = churn(tree);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Code::pinned) << refused->message;
  EXPECT_EQ(named_process(*refused), getpid()) << refused->message;
  EXPECT_EQ(take(tree.find("key")), 1U);
  pin.reset();
  EXPECT_FALSE(churn(tree));
  EXPECT_TRUE(is_done(tree.verify()));
}

TEST_F(PinTest, PinsNestInAnyOrder) {
  std::optional<Pin> first = take(segment.pin());
  std::optional<Pin> second = take(segment.pin());
  first.reset();
  EXPECT_NE(pinned_at(0), 0U);
  second.reset();
  EXPECT_EQ(pinned_at(0), 0U);
}

TEST_F(PinTest, PinThatIsAssignedToLetsGoOfItsOwn) {
  Pin pin = take(segment.pin());
  const Segment elsewhere = take(Segment::create_memfd("elsewhere"));
  pin = take(elsewhere.pin());
  EXPECT_EQ(pinned_at(0), 0U);
  EXPECT_NE(take(elsewhere.tree().readers()).at(0).epoch, 0U);
  pin = Pin(std::move(pin));
  EXPECT_NE(take(elsewhere.tree().readers()).at(0).epoch, 0U);
}

TEST_F(PinTest, PinTakenWhileAnotherLivesHoldsOnToTheSame) {
  Pin pin = take(segment.pin());
  const std::uint64_t since = pinned_at(0);
  for (int turn = 0; turn < 3; ++turn) {
    (void)churn(other);
    pin = take(segment.pin());
    EXPECT_EQ(pinned_at(0), since);
  }
}

TEST_F(PinTest, OwnPinThroughAnotherHandleIsNotWaitedFor) {
  const Pin pin = take(segment.pin());
  ASSERT_TRUE(churn(other));
  constexpr int refusals = 100;
  const long before = sleeps();
  for (int turn = 0; turn < refusals; ++turn) EXPECT_TRUE(churn(other));
  EXPECT_LT(sleeps() - before, refusals / 2) << "each that waits for a reader sleeps";
}

TEST_F(PinTest, PinOfAThreadThatHasEndedIsNotMistakenForOnesOwn) {
  std::optional<Pin> left;
  std::thread([&] { left = take(segment.pin()); }).join();
  const Pin own = take(segment.pin());
  left.reset();
  EXPECT_NE(pinned_at(0), 0U);
}

TEST_F(PinTest, PinKeepsItsSegmentAttached) {
  std::optional<Pin> pin;
  {
    const Segment again = take(Segment::open_descriptor(segment.descriptor()));
    pin = take(again.pin());
  }
  EXPECT_NE(pinned_at(0), 0U);
  pin.reset();
  EXPECT_TRUE(take(tree.readers()).empty());
}

TEST_F(PinTest, ThreadThatEndsTakesItsPinAlong) {
  std::optional<Pin> left;
  std::thread([&] { left = take(segment.pin()); }).join();
  EXPECT_EQ(pinned_at(0), 0U);
  left.reset();
  EXPECT_TRUE(take(tree.readers()).empty());
  const Pin own = take(segment.pin());
  EXPECT_NE(pinned_at(0), 0U) << "what was another's counts for nothing here";
}

TEST_F(PinTest, ChildLeavesItsParentsPinAlone) {
  std::optional<Pin> pin = take(segment.pin());
  const std::uint64_t since = pinned_at(0);
  Child child([&] {
    pin.reset();
    return 0;
  });
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(pinned_at(0), since);
}

TEST_F(PinTest, ChildThatDropsWhatItInheritedKeepsItsOwn) {
  std::optional<Pin> inherited = take(segment.pin());
  Child child([&] {
    const Pin own = take(segment.pin());
    inherited.reset();
    return pinned_at(1) != 0 ? 0 : 1;
  });
  EXPECT_EQ(child.join(), 0);
  EXPECT_NE(pinned_at(0), 0U);
}

TEST(FrozenPinTest, PinOfAFrozenSegmentDoesNothing) {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("frozen");
  Segment segment = take(Segment::open(path));
  take(segment.tree().insert("key", 1));
  take(segment.freeze());
  const Segment frozen = take(Segment::open_readonly(path));
  const Pin pin = take(frozen.pin());
  EXPECT_EQ(take(frozen.tree().find("key")), 1U);
}

}  // namespace
}  // namespace radish::tests
