// The processes of a round, as the coordinator sees them. Each seat is a process group: its first process,
// and what that forks. A seat is filled anew when the last of its group is gone.
//
// The coordinator is the reaper of orphans, so no pid of a seat is given to another process before it has
// reaped it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "torture/ledger.h"
#include "torture/worker.h"

namespace radish::stress::torture {

class Crew {
 public:
  explicit Crew(const Ledger& ledger);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  /// Kills whoever is left.
  ~Crew();

  /// Starts a process in each empty seat.
  void fill(const std::optional<Inherited>& inherited);
  /// Reaps the dead; reports those that nobody killed. True if all seats are empty.
  bool reap();
  [[nodiscard]] std::uint32_t seats() const { return ledger_.setting().seats(); }
  /// Process group of a seat; 0 if it is empty.
  [[nodiscard]] pid_t group(std::uint32_t seat) const { return ledger_.group(seat).load(); }
  /// Living processes of a seat that have said who they are.
  [[nodiscard]] std::vector<pid_t> members(std::uint32_t seat) const;
  /// Seat of a process, if it is of this crew.
  [[nodiscard]] std::optional<std::uint32_t> seat_of(pid_t pid) const;
  void signal_all(int signal) const;
  /// After a SIGSTOP: until everybody stands still, or is gone. Gives up on those that take too long.
  void await_standstill() const;
  /// Every process of it, registered or not, as the kernel sees it.
  [[nodiscard]] std::string describe() const;
  /// Kills and reaps everybody.
  void massacre();

 private:
  void judge_end(pid_t pid, int status) const;
  /// Whoever is in one of its groups.
  [[nodiscard]] std::vector<pid_t> everybody() const;

  const Ledger& ledger_;
};

}  // namespace radish::stress::torture
