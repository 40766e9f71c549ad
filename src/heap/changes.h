// A tally of what mutations of this process planned for the shape of trees (a plan that found no room is
// counted too), so that a check can assert that it exercised what it claims to. Not in shared memory; costs
// one relaxed addition a change of shape.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace radish::heap {

enum class Change : std::uint8_t {
  leaf_split,     ///< two keys part inside a leaf's rest
  edge_split,     ///< a key parts from a node's prefix
  terminal_made,  ///< a key came to end at an inner node
  child_added,    ///< a sparse node was replaced by one with one child more
  dense_made,     ///< a sparse node became dense
  slot_refilled,  ///< a reference that was null, or a dense node's, was set in place
  merge,          ///< a node with one entry left was joined with it
  compaction,     ///< a sparse node lost its null references
  sparse_made,    ///< a dense node became sparse
  chain_cut,      ///< an erasure emptied ancestors, which went with it
  dismantled,     ///< a condemned node was given back
};
inline constexpr std::size_t change_count = 11;

inline std::array<std::atomic<std::uint64_t>, change_count> change_tally{};

inline void tally(Change change) {
  change_tally[static_cast<std::size_t>(change)].fetch_add(1, std::memory_order_relaxed);
}
[[nodiscard]] inline std::uint64_t tallied(Change change) {
  return change_tally[static_cast<std::size_t>(change)].load(std::memory_order_relaxed);
}

}  // namespace radish::heap
