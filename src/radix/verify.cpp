#include "radix/verify.h"

namespace radish::radix {
namespace {

bool is_zero(const std::byte* bytes, std::uint64_t count) {
  return std::all_of(bytes, bytes + count, [](std::byte byte) { return byte == std::byte{0}; });
}

std::uint32_t count_entries(const Inner& node) {
  std::uint32_t count = 0;
  for (Position position = 0; position < node.positions(); ++position)
    count += node.at(position) != 0 ? 1U : 0U;
  return count;
}

}  // namespace

Expected<void> Verifier::tree(const txn::Root& root) {
  keys_ = 0;
  if (const Reference top = root.node(segment_); top != 0) RADISH_TRY(subtree(top));
  const std::uint64_t count = root.key_count(segment_);
  return keys_ == count ? Expected<void>{} : corrupt("the count of keys is not the number of keys", count);
}

Expected<void> Verifier::condemned(Reference node) {
  const auto inner = memory_.inner(node);
  if (!inner) return std::unexpected(inner.error());
  RADISH_TRY(census_.count_block(inner->offset, inner->bytes()));
  push_entries(*inner, 0);
  return drain();
}

Expected<void> Verifier::subtree(Reference top) {
  stack_.push_back({top, 0, false});
  return drain();
}

Expected<void> Verifier::drain() {
  while (!stack_.empty()) {
    const Pending pending = stack_.back();
    stack_.pop_back();
    const auto node = memory_.node(pending.reference);
    if (!node) return std::unexpected(node.error());
    RADISH_TRY(node->is_leaf ? leaf(node->leaf, pending) : inner(node->inner, pending));
  }
  return {};
}

void Verifier::push_entries(const Inner& node, std::size_t depth) {
  for (Position position = 0; position < node.positions(); ++position)
    if (const Reference reference = node.at(position); reference != 0)
      stack_.push_back(
          {reference, depth + (position == terminal_position ? 0 : 1), position == terminal_position});
}

Expected<void> Verifier::leaf(const Leaf& leaf, const Pending& pending) {
  if (pending.terminal && !leaf.rest.empty()) return corrupt("a terminal leaf has a rest", leaf.offset);
  if (pending.depth + leaf.rest.size() > layout::key_bytes_max)
    return corrupt("a key longer than any key", leaf.offset);
  const std::uint64_t end = 3 + leaf.rest.size();
  if (!is_zero(segment_.at(leaf.offset + end), leaf_value_at(leaf.rest.size()) - end))
    return corrupt("a leaf is not padded with zeros", leaf.offset);
  ++keys_;
  return census_.count_block(leaf.offset, leaf.bytes());
}

Expected<void> Verifier::inner(const Inner& node, const Pending& pending) {
  if (pending.terminal) return corrupt("a terminal is no leaf", node.offset);
  RADISH_TRY(census_.count_block(node.offset, node.bytes()));
  RADISH_TRY(shape(node));
  RADISH_TRY(whole(node));
  push_entries(node, pending.depth + node.prefix.size());  // E1: too long a path shows at a leaf
  return {};
}

Expected<void> Verifier::shape(const Inner& node) const {
  if (node.dense) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(node.keys.data());
  if (std::adjacent_find(bytes, bytes + node.keys.size(), std::greater_equal<>()) != bytes + node.keys.size())
    return corrupt("a node's bytes do not ascend", node.offset);
  const std::uint64_t end = sizeof(layout::InnerHeader) + node.keys.size() + node.prefix.size();
  if (!is_zero(segment_.at(node.offset + end), sparse_slots_at(node.keys.size(), node.prefix.size()) - end))
    return corrupt("a node is not padded with zeros", node.offset);
  return {};
}

/// E1, and what the writer keeps beside the references.
Expected<void> Verifier::whole(const Inner& node) const {
  const std::uint32_t count = count_entries(node);
  if (count == 0) return corrupt("an inner node without an entry", node.offset);
  const Offset link_at = node.offset + offsetof(layout::InnerHeader, link);
  if (sync::glance(*reinterpret_cast<const Reference*>(segment_.at(link_at))) != 0)
    return corrupt("a node of the tree is linked as a condemned one", node.offset);
  const auto& dense = *reinterpret_cast<const layout::DenseNode*>(segment_.at(node.offset));
  if (node.dense && sync::glance(dense.live_count) != count)
    return corrupt("a dense node's count is not the number of its entries", node.offset);
  return {};
}

}  // namespace radish::radix
