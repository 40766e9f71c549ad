// How a harness tells that one of its processes hangs: by a sign of life, and by time that it may hold
// against others.
#include "stress/torture/heartbeat.h"

#include <gtest/gtest.h>

#include "stress/torture/waking_time.h"

namespace radish::stress::torture {
namespace {

TEST(HeartbeatTest, BeatWhileTheClockIsReadIsNotSilenceWithoutEnd) {
  Heartbeat heart{};
  heart.beat(900);
  const std::uint64_t silent = heart.silent_ns([&] {
    heart.beat(1001);
    return std::uint64_t{1000};
  });
  EXPECT_EQ(silent, 100U);
}

TEST(WakingTimeTest, TimeInWhichNobodyLookedCountsAsOneSlice) {
  WakingTime time(50);
  EXPECT_EQ(time.passed_ns(1000), 0U);
  EXPECT_EQ(time.passed_ns(1030), 30U);
  EXPECT_EQ(time.passed_ns(900'000), 50U);
  EXPECT_EQ(time.passed_ns(900'010), 10U);
}

}  // namespace
}  // namespace radish::stress::torture
