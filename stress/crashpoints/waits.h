// Who is parked behind a living process: two processes on an instrumented subject, a holder in the midst of
// what it does and a waiter, led along so that one of them moves at a time. The holder goes on to its end, or
// is killed where it stands. Nobody really sleeps: who would is noted to be asleep until somebody wakes it,
// and no time passes, so that a sleeper who is not woken stays one.
//
// Invariants
//   V1  While nobody has died, not all who are left are asleep: who releases what another waits for wakes it.
//       (Its next look would end its wait as well, up to `look_ms` later: here it is granted only to those
//       whom nobody can wake any more.)
//   V2  Who waits for a process that dies sleeps once more at most, and never for longer than `look_ms`.
//   V3  The waiter gets what it came for: nothing is owed, takeovers are counted once, and the map is that of
//       before or of after as the holder has left it.
#pragma once

#include <functional>
#include <string>

#include "crashpoints/deed.h"
#include "crashpoints/plugin.h"

namespace radish::crashpoints {

/// Where they stand when it is decided who goes on: behind so many points (Leader::meet); `nowhere`: at their
/// end or asleep.
struct WaitPlan {
  static constexpr std::uint64_t nowhere = UINT64_MAX;
  const Image* image;
  Deed holder;
  Deed waiter;  ///< a recovery by one of the locks
  std::uint64_t holder_stands = nowhere;
  std::uint64_t waiter_stands = nowhere;
  std::size_t looks = 0;      ///< of the waiter, at a holder that stands there and lives: it must sleep on
  bool dies = false;          ///< the holder, there
  bool waiter_first = false;  ///< of two who can go on
};
[[nodiscard]] std::string to_text(const WaitPlan& plan);

/// What came of it. Both have ended, and the arena shows what they have left.
struct WaitCourse {
  Complaint wrong{};
  bool parked = false;  ///< the waiter has slept
  bool woken = false;   ///< and was woken
  bool looked = false;  ///< and was left to its own look, by a holder that died
  std::uint64_t holder_points = 0;
  std::uint64_t waiter_points = 0;  ///< up to its first sleep, or to its end
};

/// Throws SubjectDied or Disturbed if one of them dies of itself.
[[nodiscard]] WaitCourse take_turns(const Plugin& instrumented, const Oracle& places, const Image& pristine,
                                    const WaitPlan& plan);

/// V3, of what they have left.
[[nodiscard]] Complaint judge_left(Oracle& oracle, const WaitPlan& plan);

/// Of a plan's two: the holder goes on, or dies, at each of its points; and where it has not begun, and
/// behind the last of its points at which the waiter has to wait, the waiter stands at each of its own. Until
/// `visit` says no.
void each_wait(const Plugin& instrumented, const Oracle& places, const Image& pristine, WaitPlan plan,
               const std::function<bool(const WaitPlan&, const WaitCourse&)>& visit);

}  // namespace radish::crashpoints
