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
#include "torture/watchdog.h"

namespace radish::stress::torture {

class RoundRun {
 public:
  RoundRun(const Options& options, const Ledger& ledger, const RoundPlan& plan, Place& place,
           Strikes& strikes);

  /// Until the time, or the first violation.
  void run(std::uint64_t until_ns);
  /// Called now and then, with the number of lookups that stopped processes are in.
  void set_onlooker(std::function<void(std::uint64_t)> onlooker) { onlooker_ = std::move(onlooker); }
  /// Called when a violation has stopped everybody, before they are killed.
  void set_witness(std::function<void()> witness) { witness_ = std::move(witness); }

 private:
  void begin();
  void fill();
  void tick();
  void end();
  void stop_cleanly();
  void reopen_alone();
  /// The coordinator's attachment, if it is to have one.
  [[nodiscard]] std::optional<Tree> open(const char* when);
  void beat() const { ledger_.heartbeat().beat(now_ns()); }
  [[nodiscard]] bool failed() const { return ledger_.failures() != 0; }
  [[nodiscard]] const LeaseWatch* watch();

  const Options& options_;
  const Ledger& ledger_;
  RoundPlan plan_;
  Place& place_;
  Crew crew_;
  Random random_;
  Killer killer_;
  Watchdog watchdog_;
  std::optional<Tree> tree_;
  std::unique_ptr<LeaseWatch> watch_;
  std::function<void(std::uint64_t)> onlooker_;
  std::function<void()> witness_;
  std::uint64_t next_look_ns_ = 0;
  int unreaped_ = 0;  ///< acts since the dead were last reaped
};

}  // namespace radish::stress::torture
