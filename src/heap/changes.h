// A tally of what mutations of this process planned for the shape of trees (a plan that found no room is
// counted too), so that a check can assert that it exercised what it claims to. Not in shared memory. Where
// two threads of a process write to two segments at once, a count may be lost: an addition that loses none
// would wait for every store before it (docs/performance.md). The counts order nothing: they have no partner.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace radish::heap {

enum class Change : std::uint8_t {
  bucket_made,        ///< a key joined others in a bucket that was made for them
  entry_appended,     ///< a key joined others in the room that their bucket had
  bucket_divided,     ///< a bucket became two children of its parent
  node_made,          ///< a bucket, or a leaf and a key, became an inner node
  divided_ahead,      ///< a bucket was divided to make room for a key that did not fit yet
  edge_split,         ///< a key parts from a node's prefix
  child_added,        ///< a key came to stand beside an inner node
  terminal_made,      ///< a key came to end at an inner node
  slot_refilled,      ///< a reference that was null was set in place
  entries_erased,     ///< keys left a bucket that keeps others
  bucket_shrunk,      ///< few keys were left of a bucket
  neighbours_joined,  ///< what was left of a bucket joined another one
  node_joined,        ///< a node with one child left, or none, was joined with it
  compaction,         ///< a node lost its null references
  chain_cut,          ///< an erasure emptied ancestors, which went with it
  dismantled,         ///< a condemned node was given back
};
inline constexpr std::size_t change_count = 16;

inline std::array<std::atomic<std::uint64_t>, change_count> change_tally{};

inline void tally(Change change) {
  auto& count = change_tally[static_cast<std::size_t>(change)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
[[nodiscard]] inline std::uint64_t tallied(Change change) {
  return change_tally[static_cast<std::size_t>(change)].load(std::memory_order_relaxed);
}

}  // namespace radish::heap
