// The sign of life by which a harness tells that one of its processes hangs.
#include "stress/torture/heartbeat.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace radish::stress::torture
