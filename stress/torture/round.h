// One round: a segment, a crew, some seconds of the killer, an end, a complete comparison.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "torture/crew.h"
#include "torture/killer.h"
#include "torture/place.h"
#include "torture/plan.h"
#include "torture/recovery_limit.h"
#include "torture/watchdog.h"

namespace radish::stress::torture {

class RoundRun {
 public:
  RoundRun(const Options& options, const Ledger& ledger, const RoundPlan& plan, Place& place,
           Strikes& strikes);

  /// Until the time, an interruption, or the first violation.
  void run(std::uint64_t until_ns);
  /// Called now and then, with the number of lookups that stopped processes are in.
  void set_onlooker(std::function<void(std::uint64_t)> onlooker) { onlooker_ = std::move(onlooker); }
  /// Called when everybody stands still after a violation, before they are killed.
  void set_witness(std::function<void()> witness) { witness_ = std::move(witness); }

 private:
  void begin();
  void fill();
  void tick();
  void replace_the_dead();
  void act();
  void end();
  void stop_cleanly();
  void reopen_alone();
  void clear();
  /// The coordinator's attachment, if it is to have one.
  [[nodiscard]] std::optional<Tree> open(const char* when);
  void beat() const { ledger_.heartbeat().beat(now_ns()); }
  [[nodiscard]] bool failed() const { return !ledger_.all_is_well(); }
  [[nodiscard]] bool is_over(std::uint64_t until_ns) const;
  void note_takeovers();
  void witness();
  void examine();
  [[nodiscard]] const LeaseWatch* watch();

  const Options& options_;
  const Ledger& ledger_;
  RoundPlan plan_;
  Place& place_;
  Crew crew_;
  Random random_;
  Killer killer_;
  Watchdog watchdog_;
  RecoveryLimit recovery_limit_;
  std::optional<Tree> tree_;
  std::unique_ptr<LeaseWatch> watch_;
  std::function<void(std::uint64_t)> onlooker_;
  std::function<void()> witness_;
  std::uint64_t next_look_ns_ = 0;
  std::uint64_t generation_ = 0;  ///< last seen; 0: none yet
  bool leaves_zombies_ = false;   ///< in some seconds the dead are neither reaped nor replaced
  int acts_among_zombies_ = 0;
};

}  // namespace radish::stress::torture
