// Blocks for nodes and leaves: slots of slab pages, and runs of pages for what fits none.
//
// Invariants
//   H1  Every block is at any crash point exactly one of: in use (reachable or condemned), retired,
//       free. A slot is free, young or old by its bit in the page's bitmaps; with none of the three it
//       is in use.
//   H2  A page is on its class's partial list exactly while a slot of it is free and another is not.
//   H3  A page is on the waiting list exactly while it has retired slots. The list is a queue: pages
//       enter at the tail and leave at the head. Retiring allocates nothing.
//   H4  A page whose slots are all free goes back to the page map at once.
//   H5  A retired slot is freed only when every pin is greater than the epoch it was retired in.
//   H6  A run is a page with one slot.
//   H7  Every change is a bounded number of absolute stores.
#pragma once

#include "heap/classes.h"
#include "heap/page_map.h"

namespace radish::heap {

inline constexpr std::size_t allocate_stores = take_pages_stores + 6;
inline constexpr std::size_t release_stores = give_pages_stores + 6;
inline constexpr std::size_t retire_stores = 6;
inline constexpr std::uint32_t reclaim_pages_per_step = 4;
/// So far that no process gets there, and short of where the word would turn to 0, which is no pin. A file
/// that begins there is used all the same: the epoch stays, and what is retired waits until nobody reads.
inline constexpr std::uint64_t epoch_max = std::uint64_t{1} << 62;
/// free, old and young bitmaps, two epochs, the waiting list, the partial list or the page map.
inline constexpr std::size_t reclaim_page_stores = 12 + 2 + 4 + 5 + give_pages_stores;
static_assert(reclaim_pages_per_step * reclaim_page_stores + 2 <= txn::planned_stores_max);

/// Offset of a block of at least `bytes`, on paper. `full`, `no_space`, `corrupt`. At most allocate_stores.
[[nodiscard]] Expected<Offset> allocate(txn::Transaction& tx, std::uint64_t bytes);
/// Frees a block that no reader can reach. `corrupt` if it is no block in use, or taken by the same plan:
/// whoever does not want it drops the plan. At most release_stores.
[[nodiscard]] Expected<void> release(txn::Transaction& tx, Offset block);
/// Frees a block once every reader of today has left. `corrupt` as above. At most retire_stores.
[[nodiscard]] Expected<void> retire(txn::Transaction& tx, Offset block);

/// Plans that the epoch moves on: readers from then on hold nothing back that was unlinked before. `corrupt`
/// if it is out of its bounds; at epoch_max it stays, and they hold back what a pin of it does.
[[nodiscard]] Expected<void> advance_epoch(txn::Transaction& tx);

struct ReclaimResult {
  std::uint32_t slots_freed = 0;
  bool blocked = false;  ///< some slots wait for the oldest pin
};
/// Frees what every pin is greater than, on a few waiting pages, and advances the epoch. Begins its plan, so
/// that nothing is freed, and no epoch ends, that the same plan retires in.
[[nodiscard]] Expected<ReclaimResult> reclaim_step(txn::Transaction& tx, std::uint64_t oldest_pin_epoch);

}  // namespace radish::heap
