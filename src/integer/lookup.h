// What readers ask of an integer map. Called under a pin; lock-free, nothing is written. Whether the root is
// there still (B2) is the caller's to look at afterwards.
//
// A key that is there throughout a call is in one leaf throughout, and every node that the walk stands in,
// the unlinked ones too, still leads there: keys never move. So the ordered questions never pass over such a
// key, and what they answer was there at some moment of the call.
//
// Invariants
//   Q1  A batch holds entries in order, each once; every key that was there throughout the call is among them
//       or behind the last of them, none that was absent throughout is.
//   Q2  Whatever the bytes, a walk ends: keys ascend (or descend), frames are no more than levels, and no
//       more nodes are visited than the heap can hold.
#pragma once

#include <array>
#include <vector>

#include "integer/node.h"
#include "radish/integer_entry.hpp"
#include "txn/bound.h"
#include "txn/root.h"

namespace radish::integer {

using Entry = IntegerEntry;
using Batch = std::vector<Entry>;
using Bound = txn::Bound<std::uint64_t>;
using txn::Direction;

/// The lines of a node in which its last child and, if it is a leaf, the key's value lie: fetched beside the
/// first one, not after it.
[[gnu::always_inline]] inline void prefetch(const txn::Extent& extent, Reference reference,
                                            std::uint64_t key) {
  const std::byte* block = extent.base() + offset_of(reference);
  __builtin_prefetch(block + node_bytes_min - sizeof(Reference));
  __builtin_prefetch(block + offsetof(IntegerLeaf, values) + digit_of(key, 0) * sizeof(std::uint64_t));
}

inline constexpr int none = -1;
/// The digit of the first bit that is set, from a digit on; or none.
template <Direction direction>
[[nodiscard]] int nearest_bit(std::uint32_t bits, unsigned from) {
  constexpr bool forward = direction == Direction::forward;
  const std::uint32_t left = bits & (forward ? 0xffffU << from : 0xffffU >> (digits - 1 - from));
  if (left == 0) return none;
  return forward ? std::countr_zero(left) : static_cast<int>(std::bit_width(left)) - 1;
}

/// The inner nodes that a walk went through, from the top.
struct Path {
  std::array<Node, levels> nodes;  ///< as many as `depth` says
  unsigned depth = 0;
};

/// The walk of one key, which looks at no prefix on its way. True if it ends at a leaf whose keys are near;
/// false, too, if it ends at another (`node.head.is_leaf()`), or at a null reference.
[[nodiscard, gnu::always_inline]] inline Expected<bool> walk_to_leaf(const segment::Segment& segment,
                                                                     const txn::Root& root, std::uint64_t key,
                                                                     Node& node, Path* path = nullptr) {
  txn::Extent extent(segment);
  Level limit = levels;
  for (Reference reference = root.node(segment); reference != 0; reference = node.child_towards(key)) {
    prefetch(extent, reference, key);
    if (const char* wrong = read(extent, reference, limit, node)) [[unlikely]]
      return corrupt(wrong, offset_of(reference));
    if (node.head.is_leaf()) return node.prefix() == prefix_of(key, 0);
    limit = node.head.level;
    if (path != nullptr) path->nodes[path->depth++] = node;
  }
  return false;
}

/// At most 16 steps.
[[nodiscard, gnu::always_inline]] inline Expected<txn::Value> find(const segment::Segment& segment,
                                                                   const txn::Root& root, std::uint64_t key) {
  Node leaf;
  const auto near = walk_to_leaf(segment, root, key, leaf);
  if (!near) [[unlikely]]
    return std::unexpected(near.error());
  return *near ? leaf.value(digit_of(key, 0)) : std::nullopt;
}

/// From the end of a walk on. `passed`: it came to the key's own leaf, which has nothing from the key on.
template <Direction direction>
[[nodiscard]] Expected<std::optional<Entry>> walk_to_nearest(const segment::Segment& segment,
                                                             const txn::Root& root, std::uint64_t key,
                                                             const Path& path, bool passed);

/// The entry with the least key that is not less than the bound; backward: the greatest that is not greater.
/// Allocates nothing. Mostly it is in the bound's own leaf.
template <Direction direction>
[[nodiscard, gnu::always_inline]] inline Expected<std::optional<Entry>> nearest(
    const segment::Segment& segment, const txn::Root& root, std::uint64_t bound) {
  Node leaf;
  Path path;
  const auto near = walk_to_leaf(segment, root, bound, leaf, &path);
  if (!near) [[unlikely]]
    return std::unexpected(near.error());
  bool passed = false;
  if (*near) {
    const int digit = nearest_bit<direction>(leaf.head.taken, digit_of(bound, 0));
    passed = digit == none;
    if (!passed)
      if (const auto value = leaf.value(static_cast<unsigned>(digit)))
        return Entry{prefix_of(bound, 0) | static_cast<unsigned>(digit), *value};
  }
  return walk_to_nearest<direction>(segment, root, bound, path, passed);
}

/// Fills `batch` with up to `entries_max` entries next to the bound in the direction; fewer only if there are
/// no more.
[[nodiscard]] Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                                  const Bound& from, std::size_t entries_max, Batch& batch);

}  // namespace radish::integer
