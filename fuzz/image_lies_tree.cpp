// Lies about nodes: their shape, and what they refer to.
#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/image_telling.h"

namespace radish::image {
namespace {

using layout::BucketHeader;
using layout::NodeKind;
using radix::offset_of;
using radix::reference_to;

/// A node of any kind in the tree.
const NodeAt* any_node(const Teller& teller) {
  const auto& leaves = teller.where % 2 == 1 ? teller.index.terminals : teller.index.leaves;
  const std::array<const std::vector<NodeAt>*, 5> kinds{&leaves, &teller.index.sparse, &teller.index.indexed,
                                                        &teller.index.buckets, &teller.index.leaves};
  for (std::uint32_t tried = 0; tried < kinds.size(); ++tried)
    if (const NodeAt* node = teller.one_of(*kinds[(teller.what % 4 + tried) % kinds.size()])) return node;
  return nullptr;
}

const NodeAt* any_inner(const Teller& teller) {
  const NodeAt* indexed = teller.one_of(teller.index.indexed);
  const NodeAt* sparse = teller.one_of(teller.index.sparse);
  return indexed != nullptr && (teller.what % 2 == 1 || sparse == nullptr) ? indexed : sparse;
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
  kind = static_cast<std::uint8_t>((kind + 1 + teller.what / 4 % 4) % 5);
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
    const std::uint64_t end = layout::prefix_at(header.kind, header.separators) + header.prefix_bytes;
    if (layout::slots_at(header.kind, header.separators, header.prefix_bytes) == end) continue;
    return teller.change(teller.image.at<std::uint8_t>(node.node + end)), true;
  }
  return false;
}

template <class Word>
bool change_header(const Teller& teller, const NodeAt* node, Word layout::InnerHeader::* field) {
  if (node != nullptr) teller.change(teller.inner(*node).*field);
  return node != nullptr;
}

/// Two neighbouring separators of a sparse node with two of them at least.
std::uint8_t* two_separators(const Teller& teller) {
  const auto& nodes = teller.index.sparse;
  for (std::size_t tried = 0; tried < nodes.size(); ++tried) {
    const NodeAt& node = nodes[(teller.where + tried) % nodes.size()];
    const std::uint32_t count = teller.inner(node).separators;
    if (count < 2) continue;
    return &teller.image.at<std::uint8_t>(node.node + sizeof(layout::InnerHeader) +
                                          teller.what % (count - 1));
  }
  return nullptr;
}

layout::InnerShape shape_of(const Teller& teller, const NodeAt& node) {
  const layout::InnerHeader& header = teller.inner(node);  // may be a lie already
  return {layout::slots_at(header.kind, header.separators, header.prefix_bytes), header.separators + 2U,
          layout::inner_bytes(header.kind, header.separators, header.prefix_bytes)};
}

/// The terminal's word of an inner node.
Reference& terminal_of(const Teller& teller, const NodeAt& node) {
  return teller.image.at<Reference>(node.node + shape_of(teller, node).references_at);
}

/// The first byte of what a child holds.
bool foreign_keys(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node == nullptr) return false;
  const Reference* slots = &terminal_of(teller, *node);
  const std::uint32_t child = 1 + teller.what / 6 % (teller.inner(*node).separators + 1U);
  if (slots[child] == 0) return false;
  const Offset at = offset_of(slots[child]);
  const auto& header = teller.inner({at, 0});
  if (header.kind == NodeKind::bucket) {
    const auto& bucket = teller.image.at<BucketHeader>(at);
    teller.change(teller.image.at<std::uint8_t>(at + layout::bucket_prefix_at(bucket.capacity)));
  } else if (header.kind == NodeKind::leaf) {
    teller.change(teller.image.at<std::uint8_t>(at + 3));
  } else {
    teller.change(teller.image.at<std::uint8_t>(at + layout::prefix_at(header.kind, header.separators)));
  }
  return true;
}

template <class Word>
bool change_bucket(const Teller& teller, Word BucketHeader::* field) {
  const NodeAt* node = teller.one_of(teller.index.buckets);
  if (node != nullptr) teller.change(teller.image.at<BucketHeader>(node->node).*field);
  return node != nullptr;
}

/// A byte of a bucket, from where `at` says.
bool change_in_bucket(const Teller& teller, std::uint64_t (*at)(const BucketHeader&)) {
  const NodeAt* node = teller.one_of(teller.index.buckets);
  if (node == nullptr) return false;
  const auto& header = teller.image.at<BucketHeader>(node->node);
  teller.change(teller.image.at<std::uint8_t>(node->node + at(header)));
  return true;
}

/// Between the tags and where suffixes end, or between these and the values.
bool bucket_padding(const Teller& teller) {
  const auto& buckets = teller.index.buckets;
  for (const NodeAt& node : buckets) {
    const std::uint64_t capacity = teller.image.at<BucketHeader>(node.node).capacity;
    const std::uint64_t end = layout::bucket_ends_at(capacity) + sizeof(std::uint16_t) * capacity;
    if (end == layout::bucket_values_at(capacity)) continue;
    return teller.change(teller.image.at<std::uint8_t>(node.node + end)), true;
  }
  return false;
}

/// The second entry of a bucket ends where the first one does, has its tag and no byte of its own; and so
/// does the first.
bool bucket_key_twice(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.buckets);
  if (node == nullptr) return false;
  auto& header = teller.image.at<BucketHeader>(node->node);
  std::byte* tags = &teller.image.at<std::byte>(node->node + sizeof header);
  std::byte* ends = &teller.image.at<std::byte>(node->node + layout::bucket_ends_at(header.capacity));
  tags[0] = tags[1] = std::byte{radix::tag_of({})};
  std::memset(ends, 0, 2 * sizeof(std::uint16_t));
  header.state |= 3 | radix::BucketState::length_bit(0) << 54;
  return true;
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
  Reference* first = &terminal_of(teller, *node);
  std::fill(first, first + shape_of(teller, *node).references, 0);
  return true;
}

bool own_terminal(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node == nullptr) return false;
  layout::InnerHeader& header = teller.inner(*node);
  header.separators = 0;
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
  if (header.kind == NodeKind::bucket) return teller.image.at<BucketHeader>(node.node).bytes;
  return shape_of(teller, node).bytes;
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
          .kind = NodeKind::sparse, .separators = 1, .prefix_bytes = rest_bytes, .link = 0};
      teller.image.at<char>(at + sizeof(layout::InnerHeader)) = 'b';
      break;
    default:
      teller.image.at<BucketHeader>(at) = {
          .kind = NodeKind::bucket, .capacity = 2, .prefix_bytes = 0, .bytes = 64, .reserved = 0, .state = 0};
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
  const std::uint32_t children = shape_of(teller, *node).references - 1;
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
        .kind = NodeKind::sparse, .separators = 1, .prefix_bytes = 1, .link = 0};
    std::memcpy(&teller.image.at<char>(at + sizeof(layout::InnerHeader)), "b_\0", 4);
    const Reference below = reference_to(at + node_bytes);
    for (const auto& [slot, reference] : {std::pair{12U, Reference{0}}, {16U, below}, {20U, below}})
      teller.image.at<Reference>(at + slot) = reference;
  }
  std::memset(&teller.image.at<std::byte>(at), 0, node_bytes);
  teller.image.at<NodeKind>(at) = NodeKind::leaf;
  return true;
}

/// A sparse node whose words lie over the header of the page behind it: what it erases, the heap believes.
bool node_over_a_header(const Teller& teller) {
  const NodeAt* node = teller.one_of(teller.index.sparse);
  if (node == nullptr) return false;
  layout::InnerHeader& header = teller.inner(*node);
  const Offset page_end = layout::round_up(node->node + 1, layout::page_bytes);
  const Offset slots = page_end + teller.what % sizeof(layout::PageHeader) / 4 * 4;
  header.separators = static_cast<std::uint8_t>(teller.what / 128 % 8);
  header.prefix_bytes = static_cast<std::uint16_t>(slots - node->node - sizeof header - header.separators);
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
  Reference* first = &terminal_of(teller, *node);
  const std::array<Reference, 4> references{reference_to(target->node), reference_to(node->node), UINT32_MAX,
                                            first[1] + 1};
  first[shape_of(teller, *node).references - 1] = references[teller.what / 4 % references.size()];
  return true;
}

const Row rows[] = {
    {Lie::node_kind, "node_kind", node_kind},
    {Lie::leaf_length, "leaf_length", leaf_length},
    {Lie::leaf_padding, "leaf_padding", leaf_padding},
    {Lie::separator_count, "separator_count",
     [](const Teller& t) {
       return change_header(t, t.one_of(t.index.sparse), &layout::InnerHeader::separators);
     }},
    {Lie::prefix_length, "prefix_length",
     [](const Teller& t) {
       return change_header(t, t.one_of(t.index.sparse), &layout::InnerHeader::prefix_bytes);
     }},
    {Lie::separator_order, "separator_order",
     [](const Teller& t) {
       std::uint8_t* separators = two_separators(t);
       if (separators != nullptr) std::swap(separators[0], separators[1]);
       return separators != nullptr;
     }},
    {Lie::separator_twice, "separator_twice",
     [](const Teller& t) {
       std::uint8_t* separators = two_separators(t);
       if (separators != nullptr) separators[1] = separators[0];
       return separators != nullptr;
     }},
    {Lie::foreign_keys, "foreign_keys", foreign_keys},
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
    {Lie::index_byte, "index_byte",
     [](const Teller& t) {
       const NodeAt* node = t.one_of(t.index.indexed);
       if (node == nullptr) return false;
       const Offset at = node->node + sizeof(layout::InnerHeader) + t.what / 6 % layout::index_bytes;
       return t.change(t.image.at<std::uint8_t>(at)), true;
     }},
    {Lie::indexed_header, "indexed_header",
     [](const Teller& t) {
       const NodeAt* node = t.one_of(t.index.indexed);
       return t.what / 6 % 2 == 0 ? change_header(t, node, &layout::InnerHeader::separators)
                                  : change_header(t, node, &layout::InnerHeader::prefix_bytes);
     }},
    {Lie::node_over_a_header, "node_over_a_header", node_over_a_header},
    {Lie::bucket_state, "bucket_state",
     [](const Teller& t) { return change_bucket(t, &BucketHeader::state); }},
    {Lie::bucket_capacity, "bucket_capacity",
     [](const Teller& t) { return change_bucket(t, &BucketHeader::capacity); }},
    {Lie::bucket_prefix, "bucket_prefix",
     [](const Teller& t) { return change_bucket(t, &BucketHeader::prefix_bytes); }},
    {Lie::bucket_bytes, "bucket_bytes",
     [](const Teller& t) { return change_bucket(t, &BucketHeader::bytes); }},
    {Lie::bucket_reserved, "bucket_reserved",
     [](const Teller& t) { return change_bucket(t, &BucketHeader::reserved); }},
    {Lie::bucket_padding, "bucket_padding", bucket_padding},
    {Lie::bucket_tag, "bucket_tag",
     [](const Teller& t) {
       return change_in_bucket(t, [](const BucketHeader&) { return std::uint64_t{sizeof(BucketHeader)}; });
     }},
    {Lie::bucket_end, "bucket_end",
     [](const Teller& t) {
       return change_in_bucket(t, [](const BucketHeader& header) {
         return layout::bucket_ends_at(header.capacity) + 1;  // the higher byte
       });
     }},
    {Lie::bucket_lengths, "bucket_lengths",
     [](const Teller& t) {
       const NodeAt* node = t.one_of(t.index.buckets);
       if (node != nullptr) t.image.at<BucketHeader>(node->node).state &= (std::uint64_t{1} << 54) - 1;
       return node != nullptr;
     }},
    {Lie::bucket_key_twice, "bucket_key_twice", bucket_key_twice},
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
