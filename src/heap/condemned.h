// Inner nodes that were cut off, of whatever tree, and how they are given back.
//
// Invariants
//   D1  Condemned nodes form three lists through their link words: young ones, stamped with the epoch of the
//       youngest; old ones, which a younger one does not hold back; ready ones, which no reader can reach.
//   D2  A node on the ready list is dismantled a few references at a time: leaves are freed, inner nodes join
//       the list. Each step is one transaction that leaves the list whole.
#pragma once

#include "heap/heap.h"

namespace radish::heap {

using layout::Reference;

inline constexpr std::uint32_t dismantle_references_per_step = 8;
inline constexpr std::size_t dismantle_stores =
    (dismantle_references_per_step + 1) * (release_stores + 1) + dismantle_references_per_step + 8;
static_assert(dismantle_stores <= txn::planned_stores_max);
inline constexpr std::size_t give_up_stores = retire_stores;
static_assert(give_up_stores >= 3);  // of a list

/// Plans that what is cut off whole waits for its readers: a leaf is retired, an inner node condemned with
/// all that is below it. `corrupt` if it is neither. At most give_up_stores.
[[nodiscard]] Expected<void> give_up(txn::Transaction& tx, Reference reference);

/// Plans that an inner node which no reader can reach is condemned, and ready. Two stores.
void condemn_unreachable(txn::Transaction& tx, Reference node);
/// Plans that the node which was condemned so last is not condemned any more. `corrupt` if it is not the
/// first of those that are ready. Two stores.
[[nodiscard]] Expected<void> reprieve(txn::Transaction& tx, Reference node);

[[nodiscard]] bool any_condemned(const segment::Segment& segment);

struct DismantleResult {
  bool worked = false;
  bool blocked = false;  ///< all that is condemned waits for the oldest pin
};
/// Plans one step of giving condemned nodes back. At most dismantle_stores.
[[nodiscard]] Expected<DismantleResult> dismantle_step(txn::Transaction& tx, std::uint64_t oldest_pin_epoch);

}  // namespace radish::heap
