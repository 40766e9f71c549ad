// Nodes as they lie in the heap, read with every offset bounded. Nothing here writes.
//
// Invariants
//   N1  A block is read only where it lies whole between the heap's start and the frontier; what does not is
//       `corrupt`. A stale frontier is looked at again before anything is refused. It comes down over pages
//       alone that hold nothing which a pin protects (H5, T4 of trim.h), so what a reader meets lies below
//       it.
//   N2  What a node holds besides references and values never changes once it is published, but for the
//       link and the count that only writers read. References and values are single words, read as
//       such.
//   N3  An inner node's references lie in a row: the terminal, which is position 0, then the children.
//   N4  A terminal refers to a leaf without a rest. A child byte is consumed at each step, so a walk along a
//       key is bounded by the key, whatever the bytes.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "txn/extent.h"

// Bytes that are read too much, and ignored, may be stored to meanwhile: no race that ThreadSanitizer need
// speak of.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RADISH_READS_BESIDE_STORES [[clang::no_sanitize("thread")]]
#endif
#endif
#ifndef RADISH_READS_BESIDE_STORES
#define RADISH_READS_BESIDE_STORES
#endif

namespace radish::radix {

using layout::NodeKind;
using layout::Offset;
using layout::Reference;

/// A position in an inner node: 0 is the terminal, further ones the children in order of their bytes.
using Position = std::uint32_t;
inline constexpr Position terminal_position = 0;
inline constexpr Position no_position = UINT32_MAX;

using txn::offset_of;
using txn::reference_to;

constexpr std::uint64_t leaf_value_at(std::uint64_t rest_bytes) {
  return layout::round_up(3 + rest_bytes, 8);
}
constexpr std::uint64_t leaf_bytes(std::uint64_t rest_bytes) { return leaf_value_at(rest_bytes) + 8; }
using layout::sparse_bytes;
using layout::sparse_slots_at;
inline constexpr std::uint64_t node_bytes_min = 16;
/// What a node counts in the budget of a walk that no key guides: never nothing, though a hostile one can
/// claim fewer bytes than the smallest block has.
constexpr std::uint64_t visit_units(std::uint64_t bytes) {
  return std::max(bytes / node_bytes_min, std::uint64_t{1});
}

struct Leaf {
  Offset offset;
  std::string_view rest;
  const std::uint64_t* value;

  [[nodiscard]] Offset value_offset() const { return offset + leaf_value_at(rest.size()); }
  [[nodiscard]] std::uint64_t bytes() const { return leaf_bytes(rest.size()); }
};

struct Inner {
  Offset offset;
  bool dense;
  std::string_view prefix;
  std::string_view keys;   ///< of a sparse node
  const Reference* slots;  ///< N3

  [[nodiscard]] Position positions() const { return dense ? 257 : static_cast<Position>(keys.size()) + 1; }
  [[nodiscard]] std::uint64_t bytes() const {
    return dense ? sizeof(layout::DenseNode) : sparse_bytes(keys.size(), prefix.size());
  }
  [[nodiscard]] Offset slot(Position position) const {
    const Offset first =
        dense ? offsetof(layout::DenseNode, terminal) : sparse_slots_at(keys.size(), prefix.size());
    return offset + first + position * sizeof(Reference);
  }
  [[nodiscard]] Reference at(Position position) const { return sync::observe(slots[position]); }
  [[nodiscard]] unsigned char byte(Position position) const {
    return static_cast<unsigned char>(dense ? position - 1 : static_cast<unsigned char>(keys[position - 1]));
  }
  /// Position of the first child whose byte is not less; positions() if there is none.
  [[nodiscard]] Position lower_bound(unsigned char wanted) const {
    if (dense) return Position{1} + wanted;
    Position less = 0;
    for (const char key : keys) less += static_cast<unsigned char>(key) < wanted ? 1U : 0U;
    return less + 1;
  }
  /// Position of the child with this byte, or no_position. Eight bytes at a time: behind the last key lie
  /// references at least, so what is read too much is the node's own.
  [[nodiscard]] RADISH_READS_BESIDE_STORES Position find(unsigned char wanted) const {
    if (dense) return Position{1} + wanted;
    constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    for (std::size_t at = 0; at < keys.size(); at += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, keys.data() + at, sizeof eight);
      eight ^= ones * wanted;  // the byte sought is 0 now; the lowest one that the next line marks is
      const std::uint64_t zeros = (eight - ones) & ~eight & highs;
      if (zeros == 0) continue;
      const std::size_t index = at + static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
      return index < keys.size() ? static_cast<Position>(index) + 1 : no_position;
    }
    return no_position;
  }
};

/// One of the two, as `is_leaf` says; the other holds nothing.
struct Node {
  bool is_leaf;
  Leaf leaf;
  Inner inner;
};

/// The heap of a segment, for reading.
class Memory {
 public:
  explicit Memory(const segment::Segment& segment) : extent_(segment) {}
  /// With the pages that a plan takes.
  explicit Memory(const txn::Transaction& tx) : extent_(tx) {}

  /// No more blocks than this can lie in the heap as it is now: what bounds walks that no key guides.
  [[nodiscard]] std::uint64_t blocks_max() { return extent_.blocks_max(node_bytes_min); }

  /// Reads the node behind a reference; what is wrong with it, or null.
  [[nodiscard, gnu::always_inline]] const char* read(Reference reference, Node& node) {
    const Offset offset = offset_of(reference);
    const std::byte* block = bytes(offset, node_bytes_min);
    if (block == nullptr) [[unlikely]]
      return "a reference points outside the heap";
    node.is_leaf = static_cast<NodeKind>(*block) == NodeKind::leaf;
    if (node.is_leaf) return read_leaf(offset, block, node.leaf);
    return read_inner(offset, block, node.inner);
  }

  [[nodiscard]] Expected<Node> node(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    return node;
  }

  [[nodiscard]] Expected<Leaf> leaf(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    if (!node.is_leaf) return corrupt("an inner node where a leaf must be", offset_of(reference));
    return node.leaf;
  }

  /// N4: the leaf of a key that ends at an inner node.
  [[nodiscard]] Expected<Leaf> terminal(Reference reference) {
    auto found = leaf(reference);
    if (found && !found->rest.empty()) return corrupt("a terminal leaf has a rest", offset_of(reference));
    return found;
  }

  [[nodiscard]] Expected<Inner> inner(Reference reference) {
    Node node;
    if (const char* wrong = read(reference, node)) return corrupt(wrong, offset_of(reference));
    if (node.is_leaf) return corrupt("a leaf where an inner node must be", offset_of(reference));
    return node.inner;
  }

 private:
  static const Reference* slots_at(const std::byte* at) { return reinterpret_cast<const Reference*>(at); }

  [[nodiscard, gnu::always_inline]] const char* read_leaf(Offset offset, const std::byte* block, Leaf& leaf) {
    std::uint16_t rest_bytes;
    std::memcpy(&rest_bytes, block + 1, sizeof rest_bytes);
    if (bytes(offset, leaf_bytes(rest_bytes)) == nullptr) [[unlikely]]
      return "a leaf reaches beyond the frontier";
    leaf = {offset,
            {reinterpret_cast<const char*>(block + 3), rest_bytes},
            reinterpret_cast<const std::uint64_t*>(block + leaf_value_at(rest_bytes))};
    return nullptr;
  }

  [[nodiscard, gnu::always_inline]] const char* read_inner(Offset offset, const std::byte* block,
                                                           Inner& inner) {
    layout::InnerHeader header;
    std::memcpy(&header, block, sizeof(std::uint32_t));  // the link is the writer's
    if (header.kind == NodeKind::sparse) [[likely]]
      return read_sparse(offset, block, header, inner);
    if (header.kind != NodeKind::dense || header.child_count != 0 || header.prefix_bytes != 0) [[unlikely]]
      return "a node of no known kind";
    if (bytes(offset, sizeof(layout::DenseNode)) == nullptr) [[unlikely]]
      return "a node reaches beyond the frontier";
    inner = {offset, true, "", "", slots_at(block + offsetof(layout::DenseNode, terminal))};
    return nullptr;
  }

  [[nodiscard, gnu::always_inline]] const char* read_sparse(Offset offset, const std::byte* block,
                                                            const layout::InnerHeader& header, Inner& inner) {
    const std::size_t count = header.child_count, prefix_bytes = header.prefix_bytes;
    if (count > layout::sparse_children_max) [[unlikely]]
      return "a sparse node counts too many children";
    if (bytes(offset, sparse_bytes(count, prefix_bytes)) == nullptr) [[unlikely]]
      return "a node reaches beyond the frontier";
    const char* keys = reinterpret_cast<const char*>(block + sizeof header);
    inner = {offset,
             false,
             {keys + count, prefix_bytes},
             {keys, count},
             slots_at(block + sparse_slots_at(count, prefix_bytes))};
    return nullptr;
  }

  /// N1; null if the bytes do not lie in the heap.
  [[nodiscard, gnu::always_inline]] const std::byte* bytes(Offset offset, std::uint64_t count) {
    return extent_.bytes(offset, count);
  }

  txn::Extent extent_;
};

/// A reference as a plan leaves it, in nodes that it fills itself too.
[[nodiscard]] inline Reference planned_at(const txn::Transaction& tx, const Inner& node, Position position) {
  return tx.load32(node.slot(position));
}

/// Entries of an inner node that a plan leaves, counted up to `enough`.
[[nodiscard]] inline std::uint32_t count_entries(const txn::Transaction& tx, const Inner& node,
                                                 std::uint32_t enough) {
  std::uint32_t count = 0;
  for (Position position = 0; position < node.positions() && count < enough; ++position)
    count += planned_at(tx, node, position) != 0 ? 1U : 0U;
  return count;
}

/// Length of what two byte strings have in common from their start.
[[nodiscard]] inline std::size_t common_bytes(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace radish::radix
