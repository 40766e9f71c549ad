// Putting a key in.
//
// Invariants
//   P1  A plan reads the tree as it leaves it itself (X5); a block that it takes is not in the tree.
//   P2  One published word makes the key visible; until then readers see the tree without it.
//   P3  A node that is replaced is retired in the same transaction; its references and its keys' values are
//       the replacement's.
//   P4  A plan takes at most three blocks and retires at most one.
//   P5  What is retired is retired before a block is taken: a heap that calls a block in use free says
//       so then, before anything is filled.
#pragma once

#include <string_view>

#include "heap/heap.h"
#include "radix/node.h"
#include "txn/root.h"

namespace radish::radix {

inline constexpr std::size_t insert_stores = 3 * heap::allocate_stores + heap::retire_stores + 3;
static_assert(insert_stores <= txn::planned_stores_max);

/// Where the walk for a key ended, under the writer's lock.
struct Place {
  enum class Stop : std::uint8_t {
    found,           ///< the reference is that of the key's own leaf
    vacant,          ///< the word is null and waits for the key
    leaf_differs,    ///< another key's leaf
    prefix_differs,  ///< an inner node whose prefix the key leaves
    byte_missing,    ///< a sparse node without a child for the key's next byte
  };
  Stop stop = Stop::vacant;
  Offset slot = 0;          ///< of the word that was followed last
  Reference reference = 0;  ///< what it holds
  Reference owner = 0;      ///< the inner node that the word lies in; 0 for the root's
  std::size_t depth = 0;    ///< bytes of the key before the reference
  std::size_t common = 0;   ///< further bytes that agree with what lies behind it
};

/// O(length of the key).
[[nodiscard]] Expected<Place> locate(const txn::Transaction& tx, const txn::Root& root, std::string_view key);
/// Plans the insertion of a key for which `locate` found no leaf. `full`, `no_space`, `corrupt`.
[[nodiscard]] Expected<void> plan_insert(txn::Transaction& tx, const txn::Root& root, const Place& place,
                                         std::string_view key, std::uint64_t value);

}  // namespace radish::radix
