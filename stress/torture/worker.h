// A process of the torture: it attaches, takes the shape that the plan has for it, and works on its strands
// until the round ends, its shape says so, or it is killed.
#pragma once

#include <cstdint>
#include <optional>

#include "radish/tree.hpp"
#include "torture/ledger.h"

namespace radish::stress::torture {

/// A tree that came by fork.
struct Inherited {
  Tree tree;
  std::uint64_t lock_timeout_ms = 0;  ///< 0: none
};

/// Exit code.
[[nodiscard]] int run_worker(const Ledger& ledger, std::uint32_t seat,
                             const std::optional<Inherited>& inherited);

/// The subcommand that a worker runs when it execs.
inline constexpr const char* worker_command = "torture-worker";

}  // namespace radish::stress::torture
