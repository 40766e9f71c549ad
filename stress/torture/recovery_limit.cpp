#include "torture/recovery_limit.h"

#include <fmt/format.h>

#include "torture/deaths.h"
#include "torture/watchdog.h"

namespace radish::stress::torture {

void RecoveryLimit::look(const LeaseWatch& watch, bool somebody_wants_it) {
  const std::uint64_t passed_ns = time_.passed_ns(now_ns());
  const pid_t pid = watch.writer();
  const std::uint64_t holder = watch.writer_identity();
  const bool is_held_by_dead = holder != 0 && (pid == 0 || is_dead(pid)) && watch.writer() == pid;
  if (!is_held_by_dead || holder != dead_) waited_ns_ = 0;
  dead_ = is_held_by_dead ? holder : 0;
  if (!is_held_by_dead || !somebody_wants_it) return;
  waited_ns_ += passed_ns;
  if (waited_ns_ <= ledger_.setting().recovery_limit_ns) return;
  ledger_.report(fmt::format("process {} is dead, and for {} ms nobody has taken the lock from it\n{}", pid,
                             waited_ns_ / 1'000'000, describe_processes(ledger_)));
  waited_ns_ = 0;
}

}  // namespace radish::stress::torture
