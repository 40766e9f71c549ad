// Lies about nodes: their shape, and what they refer to.
#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/image_telling.h"

namespace radish::image {
namespace {

using layout::DenseNode;
using layout::NodeKind;
using radix::offset_of;
using radix::reference_to;

/// A node of any kind in the tree.
const NodeAt* any_node(const Teller& teller) {
  const std::array<const std::vector<NodeAt>*, 4> kinds{&teller.index.leaves, &teller.index.sparse,
                                                        &teller.index.dense, &teller.index.terminals};
  for (std::uint32_t tried = 0; tried < kinds.size(); ++tried)
    if (const NodeAt* node = teller.one_of(*kinds[(teller.what + tried) % kinds.size()])) return node;
  return nullptr;
}

const NodeAt* any_inner(const Teller& teller) {
  const NodeAt* dense = teller.one_of(teller.index.dense);
  const NodeAt* sparse = teller.one_of(teller.index.sparse);
  return dense != nullptr && (teller.what % 2 == 1 || sparse == nullptr) ? dense : sparse;
}

/// The word of any node in the tree says something else.
bool refer(const Teller& teller, Reference reference) {
  const NodeAt* node = any_node(teller);
  if (node == nullptr || teller.slot(*node) == reference) return false;
  teller.slot(*node) = reference;
  return true;
}

bool node_kind(const Teller& teller) {
  const NodeAt* node = any_node(teller);
  if (node == nullptr) return false;
  auto& kind = teller.image.at<std::uint8_t>(node->node);
  kind = static_cast<std::uint8_t>((kind + 1 + teller.what / 4 % 3) % 4);
  return true;
}

std::uint16_t leaf_rest_bytes(const Teller& teller, const NodeAt& leaf) {
  std::uint16_t length = 0;
  std::memcpy(&length, &teller.image.at<std::byte>(leaf.node + 1), sizeof length);
  return length;
}

bool leaf_length(const Teller& teller) {
  const NodeAt* leaf = teller.one_of(
      teller.what % 2 == 0 || teller.index.terminals.empty() ? teller.index.leaves : teller.index.terminals);
  if (leaf == nullptr) return false;
  std::uint16_t length = leaf_rest_bytes(teller, *leaf);
  const Teller form{teller.image, teller.index, teller.where, teller.what / 2};
  form.change(length);
  std::memcpy(&teller.image.at<std::byte>(leaf->node + 1), &length, sizeof length);
  return true;
}

bool leaf_padding(const Teller& teller) {
  const auto& leaves = teller.index.leaves;
  for (std::size_t tried = 0; tried < leaves.size(); ++tried) {
    const NodeAt& leaf = leaves[(teller.where + tried) % leaves.size()];
    const std::uint16_t length = leaf_rest_bytes(teller, leaf);
    if (radix::leaf_value_at(length) == 3U + length) continue;
    return teller.change(teller.image.at<std::uint8_t>(leaf.node + 3 + length)), true;
  }
  return false;
}

bool node_padding(const Teller& teller) {
  const auto& nodes = teller.index.sparse;
  for (std::size_t tried = 0; tried < nodes.size(); ++tried) {
    const NodeAt& node = nodes[(teller.where + tried) % nodes.size()];
    const layout::InnerHeader& header = teller.inner(node);
    const std::uint64_t end = sizeof header + header.child_count + header.prefix_bytes;
    if (radix::sparse_slots_at(header.child_count, header.prefix_bytes) == end) continue;
    return teller.change(teller.image.at<std::uint8_t>(node.node + end)), true;
  }
  return false;
}

template <class Word>
bool change_sparse(const Teller& teller, Word layout::InnerHeader::* field) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node != nullptr) teller.change(teller.inner(*node).*field);
  return node != nullptr;
}

/// Two neighbouring key bytes of a sparse node with two of them at least.
std::uint8_t* two_keys(const Teller& teller) {
  const auto& nodes = teller.index.sparse;
  for (std::size_t tried = 0; tried < nodes.size(); ++tried) {
    const NodeAt& node = nodes[(teller.where + tried) % nodes.size()];
    const std::uint32_t count = teller.inner(node).child_count;
    if (count < 2) continue;
    return &teller.image.at<std::uint8_t>(node.node + sizeof(layout::InnerHeader) +
                                          teller.what % (count - 1));
  }
  return nullptr;
}

/// The terminal's word of an inner node.
Reference& terminal_of(const Teller& teller, const NodeAt& node) {
  const layout::InnerHeader& header = teller.inner(node);
  const Offset at = header.kind == NodeKind::dense
                        ? offsetof(DenseNode, terminal)
                        : radix::sparse_slots_at(header.child_count, header.prefix_bytes);
  return teller.image.at<Reference>(node.node + at);
}

bool set_terminal(const Teller& teller, const NodeAt* target) {
  const NodeAt* node = any_inner(teller);
  if (node == nullptr || target == nullptr) return false;
  terminal_of(teller, *node) = reference_to(target->node);
  return true;
}

bool no_entries(const Teller& teller) {
  const NodeAt* node = any_inner(teller);
  if (node == nullptr) return false;
  const layout::InnerHeader& header = teller.inner(*node);
  const std::uint32_t entries = header.kind == NodeKind::dense ? 257 : header.child_count + 1U;
  Reference* first = &terminal_of(teller, *node);
  std::fill(first, first + entries, 0);
  return true;
}

bool own_terminal(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node == nullptr) return false;
  layout::InnerHeader& header = teller.inner(*node);
  header.child_count = 0;
  header.prefix_bytes = 0;
  terminal_of(teller, *node) = reference_to(node->node);
  return true;
}

bool reference_outside(const Teller& teller) {
  const std::array<std::uint64_t, 5> references{teller.roots().frontier * layout::page_bytes / 8, 1,
                                                UINT32_MAX, teller.image.geometry().capacity_bytes / 8,
                                                teller.roots().frontier * layout::page_bytes / 8 - 1};
  return refer(teller, static_cast<Reference>(references[teller.what / 4 % references.size()]));
}

/// Bytes of a node that is true.
std::uint64_t bytes_of(const Teller& teller, const NodeAt& node) {
  const layout::InnerHeader& header = teller.inner(node);
  if (header.kind == NodeKind::leaf) return radix::leaf_bytes(leaf_rest_bytes(teller, node));
  if (header.kind == NodeKind::dense) return sizeof(DenseNode);
  return radix::sparse_bytes(header.child_count, header.prefix_bytes);
}

/// Entries of an unarmed record, reserved bytes of roots and lease, what lies between page map and heap.
bool reference_below(const Teller& teller) {
  const layout::Geometry& geometry = teller.image.geometry();
  const Offset map_end =
      geometry.page_map_offset + 8 * (segment::page_map_words(geometry.capacity_bytes) +
                                      segment::page_map_summary_words(geometry.capacity_bytes));
  const std::array<std::pair<Offset, Offset>, 4> places{
      {{geometry.record_offset + sizeof(layout::Record), geometry.roots_offset},
       {geometry.roots_offset + offsetof(layout::Roots, reserved4), geometry.page_map_offset},
       {layout::page_bytes + offsetof(layout::Lease, reserved5), geometry.slots_offset},
       {map_end, geometry.heap_offset}}};
  const auto [begin, end] = places[teller.what / 4 % places.size()];
  const NodeAt* node = any_node(teller);
  if (node == nullptr || begin + bytes_of(teller, *node) > end) return false;
  std::memcpy(&teller.image.at<std::byte>(begin), &teller.image.at<std::byte>(node->node),
              bytes_of(teller, *node));
  teller.slot(*node) = reference_to(begin);
  return true;
}

/// Below the frontier as it is, or below the capacity, behind which the mapping ends.
bool node_beyond(const Teller& teller) {
  const NodeAt* place = any_node(teller);
  if (place == nullptr) return false;
  if (teller.what / 12 % 2 == 1)
    teller.roots().frontier = teller.roots().backed =
        teller.image.geometry().capacity_bytes / layout::page_bytes;
  const Offset at = teller.roots().frontier * layout::page_bytes - radix::node_bytes_min;
  std::memset(&teller.image.at<std::byte>(at), 0, radix::node_bytes_min);
  constexpr std::uint16_t rest_bytes = 100;
  switch (teller.what / 4 % 3) {
    case 0:
      teller.image.at<NodeKind>(at) = NodeKind::leaf;
      std::memcpy(&teller.image.at<std::byte>(at + 1), &rest_bytes, sizeof rest_bytes);
      break;
    case 1:
      teller.image.at<layout::InnerHeader>(at) = {
          .kind = NodeKind::sparse, .child_count = 2, .prefix_bytes = rest_bytes, .link = 0};
      std::memcpy(&teller.image.at<char>(at + sizeof(layout::InnerHeader)), "ab", 2);
      break;
    default:
      teller.image.at<NodeKind>(at) = NodeKind::dense;
      break;
  }
  teller.slot(*place) = reference_to(at);
  return true;
}

bool reference_to_free(const Teller& teller) {
  const std::uint64_t* page =
      teller.one_of(teller.what / 4 % 2 == 0 ? teller.index.free_pages : teller.index.partial);
  return page != nullptr &&
         refer(teller, reference_to(*page * layout::page_bytes + sizeof(layout::PageHeader)));
}

bool reference_to_a_page(const Teller& teller) {
  const std::uint64_t* page =
      teller.one_of(teller.what / 4 % 2 == 0 ? teller.index.slabs : teller.index.runs);
  return page != nullptr && refer(teller, reference_to(*page * layout::page_bytes));
}

bool reference_into_a_block(const Teller& teller) {
  const NodeAt* node = any_node(teller);
  if (node == nullptr) return false;
  teller.slot(*node) += 1 + teller.what / 4 % 64;
  return true;
}

/// A child of an inner node becomes the node itself, or the root.
bool cycle(const Teller& teller) {
  const NodeAt* node = any_inner(teller);
  if (node == nullptr) return false;
  const layout::InnerHeader& header = teller.inner(*node);
  const std::uint32_t children = header.kind == NodeKind::dense ? 256U : header.child_count;
  Reference* first = &terminal_of(teller, *node);
  const Reference to = teller.what / 2 % 2 == 0 ? reference_to(node->node) : teller.roots().tree;
  if (teller.what / 4 % 4 == 3)  // by every byte
    std::fill(first + 1, first + 1 + children, to);
  else if (children != 0)
    first[1 + teller.what / 16 % children] = to;
  return children != 0;
}

/// Two words refer to one node.
bool shared_subtree(const Teller& teller) {
  const NodeAt* node = any_node(teller);
  const NodeAt* other = teller.one_of(teller.what / 4 % 2 == 0 ? teller.index.leaves : teller.index.sparse);
  if (node == nullptr || other == nullptr || node->node == other->node) return false;
  teller.slot(*node) = reference_to(other->node);
  return true;
}

/// In the place of the longest leaf.
bool doubling(const Teller& teller) {
  const NodeAt* longest = nullptr;
  for (const NodeAt& leaf : teller.index.leaves)
    if (longest == nullptr || leaf_rest_bytes(teller, leaf) > leaf_rest_bytes(teller, *longest))
      longest = &leaf;
  constexpr std::uint64_t node_bytes = 24, levels_max = 32;
  const std::uint64_t levels = 2 + teller.what % (levels_max - 1);
  if (longest == nullptr || leaf_rest_bytes(teller, *longest) < (levels + 1) * node_bytes) return false;
  Offset at = longest->node;
  for (std::uint64_t level = 0; level < levels; ++level, at += node_bytes) {
    teller.image.at<layout::InnerHeader>(at) = {
        .kind = NodeKind::sparse, .child_count = 2, .prefix_bytes = 0, .link = 0};
    std::memcpy(&teller.image.at<char>(at + sizeof(layout::InnerHeader)), "ab\0", 4);
    const Reference below = reference_to(at + node_bytes);
    for (const auto& [slot, reference] : {std::pair{12U, Reference{0}}, {16U, below}, {20U, below}})
      teller.image.at<Reference>(at + slot) = reference;
  }
  std::memset(&teller.image.at<std::byte>(at), 0, node_bytes);
  teller.image.at<NodeKind>(at) = NodeKind::leaf;
  return true;
}

bool dense_header(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.dense);
  if (node == nullptr) return false;
  if (teller.what % 2 == 0) teller.change(teller.inner(*node).child_count);
  if (teller.what % 2 == 1) teller.change(teller.inner(*node).prefix_bytes);
  return true;
}

/// A sparse node whose words lie over the header of the page behind it: what it erases, the heap believes.
bool node_over_a_header(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node == nullptr) return false;
  layout::InnerHeader& header = teller.inner(*node);
  const Offset page_end = layout::round_up(node->node + 1, layout::page_bytes);
  const Offset slots = page_end + teller.what % sizeof(layout::PageHeader) / 4 * 4;
  header.child_count = static_cast<std::uint8_t>(teller.what / 128 % 8);
  header.prefix_bytes = static_cast<std::uint16_t>(slots - node->node - sizeof header - header.child_count);
  return true;
}

Reference& link_of(const Teller& teller, const NodeAt& node) { return teller.inner(node).link; }

bool condemned_link_to(const Teller& teller, const NodeAt* target) {
  const NodeAt* node = teller.one_of(teller.index.condemned);
  if (node == nullptr || target == nullptr) return false;
  link_of(teller, *node) = reference_to(target->node);
  return true;
}

bool condemned_child(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.condemned);
  const NodeAt* target = any_node(teller);
  if (node == nullptr || target == nullptr) return false;
  const layout::InnerHeader& header = teller.inner(*node);
  if (header.kind == NodeKind::dense || header.child_count == 0) return false;
  Reference* first = &terminal_of(teller, *node);
  const std::array<Reference, 4> references{reference_to(target->node), reference_to(node->node), UINT32_MAX,
                                            first[1] + 1};
  first[header.child_count] = references[teller.what / 4 % references.size()];
  return true;
}

const Row rows[] = {
    {Lie::node_kind, "node_kind", node_kind},
    {Lie::leaf_length, "leaf_length", leaf_length},
    {Lie::leaf_padding, "leaf_padding", leaf_padding},
    {Lie::child_count, "child_count",
     [](const Teller& t) { return change_sparse(t, &layout::InnerHeader::child_count); }},
    {Lie::prefix_length, "prefix_length",
     [](const Teller& t) { return change_sparse(t, &layout::InnerHeader::prefix_bytes); }},
    {Lie::key_order, "key_order",
     [](const Teller& t) {
       std::uint8_t* keys = two_keys(t);
       if (keys != nullptr) std::swap(keys[0], keys[1]);
       return keys != nullptr;
     }},
    {Lie::key_twice, "key_twice",
     [](const Teller& t) {
       std::uint8_t* keys = two_keys(t);
       if (keys != nullptr) keys[1] = keys[0];
       return keys != nullptr;
     }},
    {Lie::node_padding, "node_padding", node_padding},
    {Lie::terminal_is_inner, "terminal_is_inner",
     [](const Teller& t) {
       return set_terminal(t, t.what / 2 % 2 == 0 ? t.one_of(t.index.sparse) : any_inner(t));
     }},
    {Lie::terminal_has_rest, "terminal_has_rest",
     [](const Teller& t) { return set_terminal(t, t.one_of(t.index.leaves)); }},
    {Lie::no_entries, "no_entries", no_entries},
    {Lie::own_terminal, "own_terminal", own_terminal},
    {Lie::reference_outside, "reference_outside", reference_outside},
    {Lie::reference_below, "reference_below", reference_below},
    {Lie::node_beyond, "node_beyond", node_beyond},
    {Lie::reference_into_a_block, "reference_into_a_block", reference_into_a_block},
    {Lie::reference_to_a_page, "reference_to_a_page", reference_to_a_page},
    {Lie::reference_to_free, "reference_to_free", reference_to_free},
    {Lie::reference_to_condemned, "reference_to_condemned",
     [](const Teller& t) {
       const NodeAt* condemned = t.one_of(t.index.condemned);
       return condemned != nullptr && refer(t, reference_to(condemned->node));
     }},
    {Lie::cycle, "cycle", cycle},
    {Lie::shared_subtree, "shared_subtree", shared_subtree},
    {Lie::doubling, "doubling", doubling},
    {Lie::lost_subtree, "lost_subtree", [](const Teller& t) { return refer(t, 0); }},
    {Lie::link_in_the_tree, "link_in_the_tree",
     [](const Teller& t) {
       const NodeAt* node = any_inner(t);
       if (node != nullptr) t.change(link_of(t, *node));
       return node != nullptr;
     }},
    {Lie::dense_count, "dense_count",
     [](const Teller& t) {
       const NodeAt* node = t.one_of(t.index.dense);
       if (node != nullptr) t.change(t.image.at<DenseNode>(node->node).live_count);
       return node != nullptr;
     }},
    {Lie::dense_header, "dense_header", dense_header},
    {Lie::node_over_a_header, "node_over_a_header", node_over_a_header},
    {Lie::condemned_link, "condemned_link",
     [](const Teller& t) {
       const NodeAt* node = t.one_of(t.index.condemned);
       if (node != nullptr) t.change(link_of(t, *node));
       return node != nullptr;
     }},
    {Lie::condemned_cycle, "condemned_cycle",
     [](const Teller& t) { return condemned_link_to(t, t.one_of(t.index.condemned)); }},
    {Lie::condemned_leaf, "condemned_leaf",
     [](const Teller& t) { return condemned_link_to(t, t.one_of(t.index.leaves)); }},
    {Lie::condemned_in_the_tree, "condemned_in_the_tree",
     [](const Teller& t) { return condemned_link_to(t, any_inner(t)); }},
    {Lie::condemned_child, "condemned_child", condemned_child},
};

}  // namespace

std::span<const Row> tree_rows() { return rows; }

}  // namespace radish::image
