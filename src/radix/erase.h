// Taking keys out. Never needs room: a reference becomes null. What is left may be joined or made smaller
// where there is room for it.
//
// Invariants
//   E1  An inner node in the tree always has an entry that is not null, and a bucket one that is there: an
//       erasure that would empty nodes cuts off the topmost of them.
//   E2  What is cut off goes whole: a leaf or bucket is retired; an inner node is condemned, with all that is
//       below it (heap/condemned.h). Keys of a bucket that keeps others leave its state.
//   E3  The published word is the only store of an erasure that readers read.
//   E4  Whatever the bytes, counting what is cut off remembers one path: no more nodes than a key has bytes,
//       and one, since each step down leads over a byte (N4).
#pragma once

#include <string_view>

#include "heap/condemned.h"
#include "radix/node.h"
#include "txn/root.h"

namespace radish::radix {

/// Two new blocks; the bucket or remaining child, its neighbour, the terminal and the owner are retired.
inline constexpr std::size_t erase_stores =
    2 * heap::allocate_stores + 4 * heap::retire_stores + heap::give_up_stores + 3;
static_assert(erase_stores <= txn::planned_stores_max);

/// An inner node and the word that refers to it; none where `node` is 0.
struct Level {
  Offset slot = 0;
  Reference node = 0;
};

/// What an erasure unlinks.
struct Cut {
  Offset slot = 0;  ///< the word to become null
  Reference reference = 0;
  Level owner;            ///< the inner node that the word lies in
  Reference subtree = 0;  ///< what the keys in question lie in: the reference or something below it
  EntrySet entries = 0;   ///< not the reference goes, but these of the bucket that it leads to
};

/// What is to be taken out: one key, or every key that starts with a prefix.
enum class Reach : std::uint8_t { key, prefix };

/// The cut that takes it out; its reference is 0 if there is nothing. O(length of the query).
[[nodiscard]] Expected<Cut> locate_cut(const txn::Transaction& tx, const txn::Root& root,
                                       std::string_view query, Reach reach);
/// Keys that a cut takes out. O(nodes), in memory for one path; `corrupt` if the inner nodes are more than
/// fit, or the keys more than are counted.
[[nodiscard]] Expected<std::uint64_t> count_keys_of(const txn::Transaction& tx, const txn::Root& root,
                                                    const Cut& cut);

/// Plans a cut that takes so many keys out.
[[nodiscard]] Expected<void> plan_erase(txn::Transaction& tx, const txn::Root& root, const Cut& cut,
                                        std::uint64_t keys);

}  // namespace radish::radix
