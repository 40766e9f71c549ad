// Mutations of an integer map. What holds of the mutations of all trees is said in heap/mutate.h.
//
// Invariants
//   U1  One published word makes a mutation seen: a reference, or the first word of a leaf. A value that
//       replaces another is one store, and published by itself.
//   U2  An erasure takes no block: what goes is unlinked, and a child that is left alone takes the place of
//       its parent as it is.
//   U3  An insertion unlinks nothing: a new inner node stands above what was there.
#pragma once

#include "heap/heap.h"
#include "txn/edit.h"
#include "txn/root.h"

namespace radish::integer {

/// A leaf and an inner node; the published word and the count.
inline constexpr std::size_t insert_stores = 2 * heap::allocate_stores + 2;
/// A leaf and an inner node; the published word and the count.
inline constexpr std::size_t erase_stores = 2 * heap::retire_stores + 2;
static_assert(insert_stores <= txn::planned_stores_max && erase_stores <= txn::planned_stores_max);

/// What is there, in the map as the plan leaves it. `invalid_argument`, `dropped`, `corrupt`.
[[nodiscard]] Expected<txn::Value> look_up(const txn::Transaction& tx, const txn::Root& root, unsigned depth,
                                           std::uint64_t key);

/// Plans an edit. The plan may hold other mutations, of the same map too: it is read through it.
/// `invalid_argument`, `dropped`, `corrupt`; of an edit that makes a key: `full`, `no_space`.
[[nodiscard]] Expected<txn::Found> plan_edit(txn::Transaction& tx, const txn::Root& root, unsigned depth,
                                             std::uint64_t key, const txn::Edit& edit);

/// The same, done. Or what keeps the caller from becoming the writer: `timed_out`, `frozen`, `read_only`,
/// `view_held`, `reentrant`; of an edit that makes a key: `pinned`.
[[nodiscard]] Expected<txn::Found> edit(sync::Attachment& attachment, const txn::Root& root, unsigned depth,
                                        std::uint64_t key, const txn::Edit& edit);

}  // namespace radish::integer
