// Putting a key in.
//
// Invariants
//   P1  A plan reads the tree as it leaves it itself (X5); a block that it takes is not in the tree.
//   P2  One published word makes the key visible; until then readers see the tree without it. What is filled
//       in a bucket that readers look at is room (K2), and one published word, its state, says that it is not
//       any more.
//   P3  A node that is replaced is retired in the same transaction; its references and its keys' values are
//       the replacement's.
//   P4  A plan takes at most four blocks and retires at most two.
//   P5  What is retired is retired before a block is taken: a heap that calls a block in use free says
//       so then, before anything is filled.
//   P6  Where a key does not fit with those of its bucket, and no single division makes room, the bucket is
//       divided without it, which changes nothing that readers find; then the key is planned anew. Each
//       division leaves fewer keys where it belongs, so there are fewer of them than a bucket has entries.
#pragma once

#include <string_view>

#include "heap/heap.h"
#include "radix/node.h"
#include "txn/root.h"

namespace radish::radix {

inline constexpr std::size_t insert_stores = 4 * heap::allocate_stores + 2 * heap::retire_stores + 2;
static_assert(insert_stores <= txn::planned_stores_max);

/// Where the walk for a key ended, under the writer's lock.
struct Place {
  enum class Stop : std::uint8_t {
    found,           ///< the key is there
    vacant,          ///< the word is null and waits for the key
    keys_differ,     ///< a leaf or bucket without the key
    prefix_differs,  ///< an inner node whose prefix the key leaves
  };
  Stop stop = Stop::vacant;
  Offset slot = 0;           ///< of the word that was followed last
  Reference reference = 0;   ///< what it holds
  Reference owner = 0;       ///< the inner node that the word lies in; 0 for the root's
  Offset owner_slot = 0;     ///< of the word that refers to the owner
  bool is_terminal = false;  ///< the word is the owner's terminal
  std::size_t depth = 0;     ///< bytes of the key before what the reference leads to
  std::size_t common = 0;    ///< further bytes that agree with the prefix that differs
  Offset value_at = 0;       ///< if the key was found
};

/// O(length of the key).
[[nodiscard]] Expected<Place> locate(const txn::Transaction& tx, const txn::Root& root, std::string_view key);

enum class Insertion : std::uint8_t {
  done,
  divided,  ///< P6: the plan does not hold the key yet
};
/// Plans the insertion of a key that `locate` did not find. `full`, `no_space`, `corrupt`.
[[nodiscard]] Expected<Insertion> plan_insert(txn::Transaction& tx, const txn::Root& root, const Place& place,
                                              std::string_view key, std::uint64_t value);

}  // namespace radish::radix
