#include "sync/seam.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace radish::sync {
namespace {

std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void ProductionSeam::spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  compiler_fence();
#endif
}

// Shared, not FUTEX_PRIVATE: the word is one of many processes. Waking early or for nothing is allowed: every
// caller looks again.
void ProductionSeam::futex_wait(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns) {
  timespec timeout{static_cast<std::time_t>(timeout_ns / 1'000'000'000),
                   static_cast<long>(timeout_ns % 1'000'000'000)};
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void ProductionSeam::futex_wake_all(const std::uint32_t& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

std::uint64_t ProductionSeam::now_ns() { return read_clock(CLOCK_MONOTONIC); }
std::uint64_t ProductionSeam::wall_clock_ns() { return read_clock(CLOCK_REALTIME); }

}  // namespace radish::sync
