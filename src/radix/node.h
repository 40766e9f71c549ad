// Nodes as they lie in the heap, read with every offset bounded. Nothing here writes.
//
// Invariants
//   N1  A block is read only where it lies whole between the heap's start and the frontier; what does not is
//       `corrupt`. The frontier only grows, so a stale one is looked at again before anything is refused.
//   N2  What a node holds besides references and values never changes once it is published. References and
//       values are single words, read as such.
//   N3  An inner node's references lie in a row: the terminal, which is position 0, then the children.
//   N4  A terminal refers to a leaf without a rest. A child byte is consumed at each step, so a walk along a
//       key is bounded by the key, whatever the bytes.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "segment/segment.h"
#include "sync/words.h"

namespace radish::radix {

using layout::NodeKind;
using layout::Offset;
using layout::Reference;

/// A position in an inner node: 0 is the terminal, further ones the children in order of their bytes.
using Position = std::uint32_t;
inline constexpr Position terminal_position = 0;
inline constexpr Position no_position = UINT32_MAX;

constexpr Offset offset_of(Reference reference) { return Offset{reference} * layout::reference_unit_bytes; }
constexpr Reference reference_to(Offset offset) {
  return static_cast<Reference>(offset / layout::reference_unit_bytes);
}

constexpr std::uint64_t leaf_value_at(std::uint64_t rest_bytes) {
  return layout::round_up(3 + rest_bytes, 8);
}
constexpr std::uint64_t leaf_bytes(std::uint64_t rest_bytes) { return leaf_value_at(rest_bytes) + 8; }
constexpr std::uint64_t sparse_slots_at(std::uint64_t children, std::uint64_t prefix_bytes) {
  return layout::round_up(sizeof(layout::InnerHeader) + children + prefix_bytes, 4);
}
constexpr std::uint64_t sparse_bytes(std::uint64_t children, std::uint64_t prefix_bytes) {
  return sparse_slots_at(children, prefix_bytes) + sizeof(Reference) * (children + 1);
}
inline constexpr std::uint64_t node_bytes_min = 16;

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
  /// Position of the child with this byte, or no_position.
  [[nodiscard]] Position find(unsigned char wanted) const {
    const Position position = lower_bound(wanted);
    return position < positions() && byte(position) == wanted ? position : no_position;
  }
};

/// The heap of a segment, for reading.
class Memory {
 public:
  explicit Memory(const segment::Segment& segment)
      : segment_(&segment), begin_(segment.geometry().heap_offset) {
    look_at_frontier();
  }

  [[nodiscard]] const segment::Segment& segment() const { return *segment_; }
  [[nodiscard]] Offset root_slot() const {
    return segment_->geometry().roots_offset + offsetof(layout::Roots, tree);
  }
  [[nodiscard]] Reference root() const { return sync::observe(segment_->roots().tree); }
  /// No more blocks than this can lie in the heap as it is now: what bounds walks that no key guides.
  [[nodiscard]] std::uint64_t blocks_max() {
    look_at_frontier();
    return (end_ - begin_) / node_bytes_min;
  }

  [[nodiscard]] Expected<NodeKind> kind(Reference reference) {
    const std::byte* block = bytes(offset_of(reference), node_bytes_min);
    if (block == nullptr) [[unlikely]]
      return corrupt("a reference points outside the heap", offset_of(reference));
    return static_cast<NodeKind>(*block);
  }

  [[nodiscard]] Expected<Leaf> leaf(Reference reference) {
    const Offset offset = offset_of(reference);
    const std::byte* block = bytes(offset, node_bytes_min);
    if (block == nullptr || static_cast<NodeKind>(*block) != NodeKind::leaf) [[unlikely]]
      return corrupt("a reference to no leaf where one must be", offset);
    std::uint16_t rest_bytes;
    std::memcpy(&rest_bytes, block + 1, sizeof rest_bytes);
    if (bytes(offset, leaf_bytes(rest_bytes)) == nullptr) [[unlikely]]
      return corrupt("a leaf reaches beyond the frontier", offset);
    return Leaf{offset,
                {reinterpret_cast<const char*>(block + 3), rest_bytes},
                reinterpret_cast<const std::uint64_t*>(block + leaf_value_at(rest_bytes))};
  }

  /// N4: the leaf of a key that ends at an inner node.
  [[nodiscard]] Expected<Leaf> terminal(Reference reference) {
    auto found = leaf(reference);
    if (found && !found->rest.empty()) [[unlikely]]
      return corrupt("a terminal leaf has a rest", offset_of(reference));
    return found;
  }

  [[nodiscard]] Expected<Inner> inner(Reference reference) {
    const Offset offset = offset_of(reference);
    const std::byte* block = bytes(offset, node_bytes_min);
    if (block == nullptr) [[unlikely]]
      return corrupt("a reference points outside the heap", offset);
    layout::InnerHeader header;
    std::memcpy(&header, block, sizeof(std::uint32_t));  // the link is the writer's
    if (header.kind == NodeKind::sparse) [[likely]]
      return sparse(offset, block, header);
    if (header.kind != NodeKind::dense || header.child_count != 0 || header.prefix_bytes != 0) [[unlikely]]
      return corrupt("a node of no known kind", offset);
    if (bytes(offset, sizeof(layout::DenseNode)) == nullptr) [[unlikely]]
      return corrupt("a node reaches beyond the frontier", offset);
    return Inner{offset, true, "", "", slots_at(block + offsetof(layout::DenseNode, terminal))};
  }

 private:
  static const Reference* slots_at(const std::byte* at) { return reinterpret_cast<const Reference*>(at); }

  [[nodiscard]] Expected<Inner> sparse(Offset offset, const std::byte* block,
                                       const layout::InnerHeader& header) {
    const std::size_t count = header.child_count, prefix_bytes = header.prefix_bytes;
    if (count > layout::sparse_children_max) [[unlikely]]
      return corrupt("a sparse node counts too many children", offset);
    if (bytes(offset, sparse_bytes(count, prefix_bytes)) == nullptr) [[unlikely]]
      return corrupt("a node reaches beyond the frontier", offset);
    const char* keys = reinterpret_cast<const char*>(block + sizeof header);
    return Inner{offset,
                 false,
                 {keys + count, prefix_bytes},
                 {keys, count},
                 slots_at(block + sparse_slots_at(count, prefix_bytes))};
  }

  /// N1; null if the bytes do not lie in the heap.
  [[nodiscard]] const std::byte* bytes(Offset offset, std::uint64_t count) {
    if (offset < begin_) [[unlikely]]
      return nullptr;
    if (offset + count > end_) [[unlikely]] {
      look_at_frontier();
      if (offset + count > end_) return nullptr;
    }
    return segment_->base() + offset;
  }
  void look_at_frontier() {
    end_ = std::min(sync::observe(segment_->roots().frontier),
                    segment_->geometry().capacity_bytes / layout::page_bytes) *
           layout::page_bytes;
    end_ = std::max(end_, begin_);
  }

  const segment::Segment* segment_;
  Offset begin_;
  Offset end_ = 0;
};

/// Entries of an inner node that are not null, counted up to `enough`.
[[nodiscard]] inline std::uint32_t count_entries(const Inner& node, std::uint32_t enough = UINT32_MAX) {
  std::uint32_t count = 0;
  for (Position position = 0; position < node.positions() && count < enough; ++position)
    count += node.at(position) != 0 ? 1U : 0U;
  return count;
}

/// Length of what two byte strings have in common from their start.
[[nodiscard]] inline std::size_t common_bytes(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace radish::radix
