// The killer: at moments that it draws it kills, stops, lets go on; one process, one seat, or everybody.
// Often it aims at who holds the lock, a view or a pin right now.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "torture/crew.h"
#include "torture/lease_watch.h"
#include "torture/plan.h"
#include "torture/vigil.h"

namespace radish::stress::torture {

/// How processes were treated. What one that is aimed at holds it may have given back by the time the kill
/// arrives.
struct Strikes {
  std::uint64_t killed = 0;           ///< one process, wherever it was
  std::uint64_t killed_writers = 0;   ///< aimed at who held the lock
  std::uint64_t killed_ambushed = 0;  ///< one that held the lock for certain: it stood still with it
  std::uint64_t killed_views = 0;     ///< aimed at who held a stable view
  std::uint64_t killed_readers = 0;   ///< aimed at who was inside a lookup
  std::uint64_t killed_groups = 0;    ///< processes, with those they had forked
  std::uint64_t killed_stopped = 0;
  std::uint64_t killed_in_massacres = 0;
  std::uint64_t stops = 0;
  std::uint64_t resumed = 0;
  std::uint64_t vigils = 0;  ///< lookups were watched beside a writer that stood still

  [[nodiscard]] std::uint64_t kills() const {
    return killed + killed_writers + killed_ambushed + killed_views + killed_readers + killed_groups +
           killed_stopped + killed_in_massacres;
  }
};

class Killer {
 public:
  Killer(const Ledger& ledger, Crew& crew, Strikes& strikes, Random random)
      : ledger_(ledger), crew_(crew), strikes_(strikes), random_(random), vigil_(ledger) {}

  /// One act. `watch` may be null.
  void act(const LeaseWatch* watch);
  /// Ends the stops whose time has come.
  void resume_due();
  /// Lets everybody go on.
  void resume_all();
  [[nodiscard]] std::size_t stopped() const { return stopped_.size(); }
  [[nodiscard]] bool is_stopped(pid_t pid) const;
  [[nodiscard]] std::uint64_t pinned_by_stopped(const LeaseWatch& watch) const;

 private:
  struct Stopped {
    pid_t target;  ///< a process, or minus a process group
    std::uint32_t seat;
    std::uint64_t until_ns;
    bool is_killed;  ///< instead of going on
  };
  struct Victim {
    pid_t pid = 0;
    std::uint32_t seat = 0;
    std::uint64_t* tally = nullptr;
  };

  [[nodiscard]] Victim choose(const LeaseWatch* watch);
  /// One of those processes that is of the crew.
  [[nodiscard]] Victim one_of(const std::vector<pid_t>& pids, std::uint64_t& tally);
  void kill_one(const Victim& victim, const LeaseWatch* watch);
  /// Stops who holds the lock, looks whether it holds it still, lets it go on, until one stands where it is
  /// to die.
  void ambush(const LeaseWatch& watch);
  void keep_vigil(pid_t holder);
  void kill_group(std::uint32_t seat);
  void stop(const Victim& victim);
  void massacre();
  void forget_gone();

  const Ledger& ledger_;
  Crew& crew_;
  Strikes& strikes_;
  Random random_;
  Vigil vigil_;
  std::vector<Stopped> stopped_;
};

}  // namespace radish::stress::torture
