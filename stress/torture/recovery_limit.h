// Whoever died with the lock blocks nobody for long: its name does not stay in the lock beyond the limit,
// whatever becomes of those who want it.
#pragma once

#include <cstdint>

#include "torture/lease_watch.h"
#include "torture/ledger.h"
#include "torture/waking_time.h"

namespace radish::stress::torture {

class RecoveryLimit {
 public:
  explicit RecoveryLimit(const Ledger& ledger) : ledger_(ledger) {}

  /// `somebody_wants_it`: a writer is there that is not stopped. Only such time counts.
  void look(const LeaseWatch& watch, bool somebody_wants_it);

 private:
  static constexpr std::uint64_t slice_ns = 50'000'000;

  const Ledger& ledger_;
  WakingTime time_{slice_ns};
  std::uint64_t dead_ = 0;  ///< identity that was found dead with the lock
  std::uint64_t waited_ns_ = 0;
};

}  // namespace radish::stress::torture
