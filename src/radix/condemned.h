// Inner nodes that were cut off, and how they are given back (E2 to E4 of erase.h).
#pragma once

#include "heap/heap.h"
#include "radix/node.h"

namespace radish::radix {

inline constexpr std::uint32_t dismantle_references_per_step = 8;
inline constexpr std::size_t dismantle_stores =
    (dismantle_references_per_step + 1) * (heap::release_stores + 1) + dismantle_references_per_step + 8;
static_assert(dismantle_stores <= txn::planned_stores_max);

/// Plans that a node which is cut off waits for its readers. At most condemn_stores.
void condemn(txn::Transaction& tx, Reference node);

[[nodiscard]] bool any_condemned(const segment::Segment& segment);

struct DismantleResult {
  bool worked = false;
  bool blocked = false;  ///< all that is condemned waits for the oldest pin
};
/// Plans one step of giving condemned nodes back. At most dismantle_stores.
[[nodiscard]] Expected<DismantleResult> dismantle_step(txn::Transaction& tx, std::uint64_t oldest_pin_epoch);

}  // namespace radish::radix
