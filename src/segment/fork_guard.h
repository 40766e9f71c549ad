// What a child that is forked while this process opens a segment must not keep.
//
// An open holds exclusive locks on a file description. A child forked meanwhile by another thread shares that
// description, through the descriptor and through the mapping: if the opener died then, its locks would live
// on in a child that knows nothing of them, and every later open would wait for the child's end.
//
// Invariants
//   F1  From before the first lock until after the last exclusive one is given back, descriptor and
//       mapping of an open are guarded: a child of fork() closes and unmaps them before it does
//       anything else. A description on which a fork may have come before its guard is given up for
//       another one.
//   F2  What is not mapped, or not open, any longer is not guarded, and a descriptor is closed only
//       while it is of the guarded file: a child must not close what took its place.
//   F3  No lock is held here, so a child can use it whatever its parent's threads were about.
// Children of _Fork() and of raw clone() run no handlers: they keep the description until they exec or exit.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace radish::segment {

class ForkGuard {
 public:
  struct Entry;

  ForkGuard() = default;
  /// Of nothing, if the descriptor is negative.
  explicit ForkGuard(int descriptor);
  ForkGuard(ForkGuard&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  ForkGuard& operator=(ForkGuard&& other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard() { release(); }

  /// Guards addresses too; before anything of the file is mapped there.
  void cover(void* base, std::size_t bytes);
  void uncover();
  void release();

 private:
  Entry* entry_ = nullptr;
};

/// Whether any thread has forked since, or was about to.
class ForkWatch {
 public:
  ForkWatch();
  [[nodiscard]] bool saw_none() const;

 private:
  std::uint64_t begun_;
  bool idle_;
};

/// A descriptor that was guarded before anybody could fork with it; negative, with errno, if `open` failed.
struct GuardedDescriptor {
  int number = -1;
  ForkGuard guard{};
};

/// F1. `open` answers a new descriptor each time it is called, or -1. Tries are bounded: a fork may last
/// long, or wait for somebody who waits for this open.
template <class Open>
GuardedDescriptor open_guarded(Open open) {
  constexpr int tries_max = 10'000;
  for (int tries = 1;; ++tries) {
    const ForkWatch watch;
    const int number = open();
    GuardedDescriptor opened{number, ForkGuard(number)};
    if (number < 0 || watch.saw_none() || tries == tries_max) return opened;
    opened.guard.release();
    close(number);
    sched_yield();
  }
}

}  // namespace radish::segment
