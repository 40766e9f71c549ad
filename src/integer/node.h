// Nodes of the integer tree as they lie in the heap, read with every offset bounded. Nothing here writes.
//
// A key is sixteen digits of four bits; the last one has level 0. A node's prefix is what its keys have in
// common: it is absolute, as the level is, so a node means the same wherever it hangs.
//
// Invariants
//   G1  A block is read only where it lies whole in the extent of blocks; what does not is `corrupt`.
//   G2  A leaf, and no inner node, has level 0. A child's level is less than its parent's, and that of the
//       topmost node less than the map's depth: a walk down ends, whatever the bytes.
//   G3  The digits of a prefix from its node's level down are 0; those above are the ones that lead there. Of
//       the topmost node, those beyond the depth are 0.
//   G4  An inner node in the tree has two children or more, and a leaf a value or more: an erasure that would
//       leave a node without its reason takes the node away.
//   G5  A node changes in its references, in `taken` and in values, each one word. What a leaf holds where no
//       bit says so is scratch: whoever stores a value there publishes the bit afterwards.
//   G6  A value is the key's if the bit is there before and after the value was read. If it is gone then the
//       key was absent at that moment, and what was read may be a value that is about to be inserted.
#pragma once

#include <bit>
#include <limits>
#include <optional>

#include "txn/edit.h"
#include "txn/extent.h"

namespace radish::integer {

using layout::IntegerInner;
using layout::IntegerLeaf;
using layout::NodeKind;
using layout::Offset;
using layout::Reference;
using txn::offset_of;
using txn::reference_to;

/// Of a digit, counted from the last.
using Level = unsigned;
inline constexpr Level levels = layout::integer_depth_max;
inline constexpr unsigned digits = layout::integer_slots;
inline constexpr std::uint64_t node_bytes_min = sizeof(IntegerInner);

constexpr unsigned digit_of(std::uint64_t key, Level level) {
  return static_cast<unsigned>(key >> 4 * level) % digits;
}
constexpr std::uint64_t digit_at(unsigned digit, Level level) { return std::uint64_t{digit} << 4 * level; }
/// The digits above a level, the others 0.
constexpr std::uint64_t prefix_of(std::uint64_t key, Level level) {
  return key & ~std::uint64_t{digits - 1} << 4 * level;
}
/// The highest digit in which two keys that differ do so.
constexpr Level parting_level(std::uint64_t a, std::uint64_t b) {
  return static_cast<Level>(std::bit_width(a ^ b) - 1) / 4;
}
constexpr std::uint64_t key_max(unsigned depth) {
  return std::numeric_limits<std::uint64_t>::max() >> 4 * (levels - depth);
}
static_assert(prefix_of(~std::uint64_t{0}, 15) == 0 && prefix_of(0x123, 0) == 0x120);
static_assert(key_max(1) == 15 && key_max(16) == ~std::uint64_t{0});

/// `invalid_argument` if the key has more digits than the depth.
[[nodiscard]] inline Expected<void> check_key(unsigned depth, std::uint64_t key) {
  if (key <= key_max(depth)) [[likely]]
    return {};
  return fault(Code::invalid_argument, "the key is greater than any of the map's depth", key_max(depth));
}

/// The first word of a node, which changes in one piece.
struct Head {
  NodeKind kind;
  std::uint8_t level;
  std::uint16_t taken;

  [[nodiscard]] constexpr bool is_leaf() const { return kind == NodeKind::integer_leaf; }
  [[nodiscard]] bool has(unsigned digit) const { return (taken >> digit & 1) != 0; }
  [[nodiscard]] constexpr std::uint32_t word() const { return std::bit_cast<std::uint32_t>(*this); }
};
static_assert(sizeof(Head) == 4 && offsetof(IntegerLeaf, link) == 4);

inline constexpr const char* levels_do_not_descend = "the levels of an integer map do not descend";

/// What is wrong with a node that starts like this below `limit`, or null (G2).
constexpr const char* wrong_with(const Head& head, Level limit) {
  if (head.kind == NodeKind::integer_leaf) return head.level == 0 ? nullptr : "a leaf that has a level";
  if (head.kind != NodeKind::integer_inner) return "a node that is none of an integer map";
  return head.level != 0 && head.level < limit ? nullptr : levels_do_not_descend;
}
constexpr std::uint64_t bytes_of(const Head& head) {
  return head.is_leaf() ? sizeof(IntegerLeaf) : sizeof(IntegerInner);
}

/// A node for readers.
struct Node {
  const std::byte* block;
  Head head;

  [[nodiscard]] const IntegerLeaf& leaf() const { return *reinterpret_cast<const IntegerLeaf*>(block); }
  [[nodiscard]] const IntegerInner& inner() const { return *reinterpret_cast<const IntegerInner*>(block); }
  static_assert(offsetof(IntegerLeaf, prefix) == offsetof(IntegerInner, prefix));
  [[nodiscard]] std::uint64_t prefix() const { return sync::observe(leaf().prefix); }
  [[nodiscard]] Reference child(unsigned digit) const { return sync::observe(inner().children[digit]); }
  [[nodiscard]] std::uint32_t look_at_start() const {
    return sync::observe(*reinterpret_cast<const std::uint32_t*>(block));
  }
  [[nodiscard]] Head look_at_head() const { return std::bit_cast<Head>(look_at_start()); }
  /// G6; nullopt if the key is absent.
  [[nodiscard, gnu::always_inline]] txn::Value value(unsigned digit) const {
    if (!head.has(digit)) return std::nullopt;
    const std::uint64_t found = sync::observe(leaf().values[digit]);
    if (broken(Twin::zero_is_absent) && found == 0) return std::nullopt;
    if (broken(Twin::value_without_second_look)) return found;
    return look_at_head().has(digit) ? txn::Value(found) : std::nullopt;
  }
};

inline constexpr const char* outside_the_heap = "a reference points outside the heap";
inline constexpr const char* beyond_the_frontier = "a leaf reaches beyond the frontier";

/// Reads the node behind a reference, whose level must be below `limit`; what is wrong with it, or null.
[[nodiscard, gnu::always_inline]] inline const char* read(txn::Extent& extent, Reference reference,
                                                          Level limit, Node& node) {
  node.block = extent.bytes(offset_of(reference), node_bytes_min);
  if (node.block == nullptr) [[unlikely]]
    return outside_the_heap;
  node.head = node.look_at_head();
  if (const char* wrong = wrong_with(node.head, limit)) [[unlikely]]
    return wrong;
  if (node.head.is_leaf() && extent.bytes(offset_of(reference), sizeof(IntegerLeaf)) == nullptr) [[unlikely]]
    return beyond_the_frontier;
  return nullptr;
}

}  // namespace radish::integer
