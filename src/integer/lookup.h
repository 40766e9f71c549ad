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

#include <vector>

#include "integer/node.h"
#include "radish/integer_entry.hpp"
#include "txn/answer.h"
#include "txn/bound.h"
#include "txn/root.h"

namespace radish::integer {

using Entry = IntegerEntry;
using Batch = std::vector<Entry>;
using Bound = txn::Bound<std::uint64_t>;
using txn::Direction;

/// The lines of a node in which its last child and, if it is a leaf, the key's value lie: not waited for one
/// after the other.
[[gnu::always_inline]] inline void prefetch(const Node& node, std::uint64_t key) {
  __builtin_prefetch(node.block + node_bytes_min - sizeof(Reference));
  __builtin_prefetch(node.block + offsetof(IntegerLeaf, values) + digit_of(key, 0) * sizeof(std::uint64_t));
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

/// The way of a key, from the top. Mostly an inner node's child is of the next level: its digit is at hand,
/// and so the walk goes on while the node's head is still to come.
class Descent {
 public:
  explicit Descent(std::uint64_t key) : key_(key), left_(key) {}

  /// True of an inner node of the next level.
  [[nodiscard]] bool foresees(std::uint32_t start) const { return (start & start_mask) == next_; }
  /// Any other: what is wrong with it (G2), or null. Passes over the levels above an inner node's.
  [[nodiscard]] const char* meet(const Head& head) {
    const Level limit = next_ > start_of(levels) ? 0 : (next_ >> 8) + 1;
    if (limit == 0) return levels_do_not_descend;
    if (const char* wrong = wrong_with(head, limit)) return wrong;
    next_ = start_of(head.level);
    left_ = key_ << 4 * (levels - 1 - head.level);
    return nullptr;
  }
  /// The digit that chooses the child of a node of the next level.
  [[nodiscard]] unsigned take_digit() {
    const auto digit = static_cast<unsigned>(left_ >> 60);
    left_ <<= 4;
    next_ -= start_of(1) - start_of(0);
    return digit;
  }

 private:
  /// Kind and level of an inner node, as its first word has them. Of level 0 there is none. One that is there
  /// all the same is foreseen like any other, so a find sees where it has no child; whatever is below it is
  /// refused.
  static constexpr std::uint32_t start_mask = 0xffff;
  static constexpr std::uint32_t start_of(Level level) {
    return Head{.kind = NodeKind::integer_inner, .level = static_cast<std::uint8_t>(level), .taken = 0}
        .word();
  }

  std::uint64_t key_;
  std::uint64_t left_;  ///< the next digit, and those below it, from the top
  std::uint32_t next_ = start_of(levels - 1);
};

/// Where a walk ended.
struct End {
  Node leaf{};        ///< none at a null reference
  Node parent{};      ///< the inner node above; none if there is none
  bool near = false;  ///< the leaf is the one that would hold the key
};

/// The walk of one key, in at most 16 steps, which looks at no prefix on its way. What is wrong with what
/// `reference` refers to, or null.
[[nodiscard, gnu::always_inline]] inline const char* walk(const segment::Segment& segment,
                                                          const txn::Root& root, std::uint64_t key, End& end,
                                                          Reference& reference) {
  txn::Extent extent(segment);
  Descent descent(key);
  for (reference = root.node(segment); reference != 0;) {
    Node node{.block = extent.bytes(offset_of(reference), node_bytes_min), .head = {}};
    if (node.block == nullptr) [[unlikely]]
      return outside_the_heap;
    prefetch(node, key);
    const std::uint32_t start = node.look_at_start();
    if (!descent.foresees(start)) {
      node.head = std::bit_cast<Head>(start);
      if (const char* wrong = descent.meet(node.head)) [[unlikely]]
        return wrong;
      if (node.head.is_leaf()) {
        if (extent.bytes(offset_of(reference), sizeof(IntegerLeaf)) == nullptr) [[unlikely]]
          return beyond_the_frontier;
        end.leaf = node;
        end.near = node.prefix() == prefix_of(key, 0);
        return nullptr;
      }
    }
    reference = node.child(descent.take_digit());
    end.parent = {.block = node.block, .head = std::bit_cast<Head>(start)};
  }
  return nullptr;
}

[[nodiscard, gnu::always_inline]] inline txn::Answer<std::uint64_t> find(const segment::Segment& segment,
                                                                         const txn::Root& root,
                                                                         std::uint64_t key) {
  End end;
  Reference reference;
  if (const char* wrong = walk(segment, root, key, end, reference)) [[unlikely]]
    return {.wrong = wrong, .offset = offset_of(reference)};
  if (!end.near) return {};
  const txn::Value value = end.leaf.value(digit_of(key, 0));
  return {.found = value.has_value(), .value = value.value_or(0)};
}

/// The same as `nearest`, wherever it is. `parent`: the last inner node of a walk to the bound, on the
/// bound's way or not, which saw nothing from the bound on in the bound's leaf, or no such leaf; none after
/// other walks.
template <Direction direction>
[[nodiscard]] txn::Answer<Entry> search(const segment::Segment& segment, const txn::Root& root,
                                        std::uint64_t bound, const Node& parent);

/// The entry with the least key that is not less than the bound; backward: the greatest that is not greater.
/// Allocates nothing. Mostly it is in the bound's own leaf.
template <Direction direction>
[[nodiscard, gnu::always_inline]] inline txn::Answer<Entry> nearest(const segment::Segment& segment,
                                                                    const txn::Root& root,
                                                                    std::uint64_t bound) {
  End end;
  Reference reference;
  if (const char* wrong = walk(segment, root, bound, end, reference)) [[unlikely]]
    return {.wrong = wrong, .offset = offset_of(reference)};
  const int digit = end.near ? nearest_bit<direction>(end.leaf.head.taken, digit_of(bound, 0)) : none;
  if (digit == none) return search<direction>(segment, root, bound, end.parent);
  if (const auto value = end.leaf.value(static_cast<unsigned>(digit))) [[likely]]
    return {.found = true, .value = {prefix_of(bound, 0) | static_cast<unsigned>(digit), *value}};
  return search<direction>(segment, root, bound, {});  // it has just gone, but others in the leaf may be next
}

/// Fills `batch` with up to `entries_max` entries next to the bound in the direction; fewer only if there are
/// no more.
[[nodiscard]] Expected<void> scan(const segment::Segment& segment, const txn::Root& root, Direction direction,
                                  const Bound& from, std::size_t entries_max, Batch& batch);

}  // namespace radish::integer
