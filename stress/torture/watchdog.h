// No strand that is not stopped may be without progress for long.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "torture/ledger.h"
#include "torture/waking_time.h"

namespace radish::stress::torture {

class Watchdog {
 public:
  Watchdog(const Ledger& ledger, double hang_seconds)
      : ledger_(ledger), hang_ns_(static_cast<std::uint64_t>(hang_seconds * 1e9)) {}

  /// Reports each strand that hangs. `is_excused` says of a pid that it is stopped on purpose.
  void look(const std::function<bool(std::int32_t)>& is_excused);

 private:
  struct Seen {
    std::int32_t pid = 0;
    std::uint64_t progress = 0;
    std::uint64_t still_ns = 0;  ///< for how long it has not moved
  };
  const Ledger& ledger_;
  std::uint64_t hang_ns_;
  WakingTime time_{1'000'000'000};
  std::array<Seen, coordinator_strand> seen_{};
};

/// What the kernel says about a process and its threads: state, system call, stack.
[[nodiscard]] std::string describe_process(std::int32_t pid);
/// The same of all that are registered in the ledger.
[[nodiscard]] std::string describe_processes(const Ledger& ledger);

}  // namespace radish::stress::torture
