// Every death of a piece of code: a child is killed before its nth event, n = 1, 2, ... until one gets
// through.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "../processes.h"
#include "probe_seam.h"

namespace radish::probe {

/// Runs `body` in a child that dies before its nth event. True if it died, false if it got through.
inline bool dies(Watched watched, std::uint64_t nth, const std::function<void()>& body) {
  tests::Child child([&] {
    const Watch watch(watched, nth);
    body();
    return 0;
  });
  const int end = child.join();
  if (end != 0 && end != -SIGKILL) ADD_FAILURE() << "death " << nth << ": the child ended with " << end;
  return end == -SIGKILL;
}

/// Calls `judge` with n after each death. How many there were.
inline std::uint64_t each_death(Watched watched, const std::function<void()>& body,
                                const std::function<void(std::uint64_t)>& judge) {
  std::uint64_t nth = 1;
  while (dies(watched, nth, body) && !testing::Test::HasFatalFailure()) judge(nth++);
  return nth - 1;
}

}  // namespace radish::probe
