#include "radix/build.h"

#include <algorithm>

namespace radish::radix {
namespace {

constexpr std::array<std::byte, 8> zeros{};

/// Fills a block from its start on.
class Filler {
 public:
  Filler(txn::Transaction& tx, Offset block) : tx_(tx), block_(block), at_(block) {}
  void put(const void* bytes, std::size_t count) {
    tx_.fill(at_, bytes, count);
    at_ += count;
  }
  void put(const Pieces& pieces) {
    for (const std::string_view piece : pieces) put(piece.data(), piece.size());
  }
  /// Zeros up to so many bytes from the block's start.
  void pad(std::uint64_t end) {
    if (block_ + end != at_) put(zeros.data(), block_ + end - at_);
  }

 private:
  txn::Transaction& tx_;
  Offset block_;
  Offset at_;
};

}  // namespace

void Entries::sort() {
  // One child at most is out of place: the one that was added last.
  for (std::uint32_t at = count; at-- > 1;) {
    if (static_cast<unsigned char>(bytes[at - 1]) <= static_cast<unsigned char>(bytes[at])) return;
    std::swap(bytes[at - 1], bytes[at]);
    std::swap(children[at - 1], children[at]);
  }
}

Entries live_entries(const txn::Transaction& tx, const Inner& node, Offset without) {
  Entries entries;
  if (node.slot(terminal_position) != without) entries.terminal = planned_at(tx, node, terminal_position);
  for (Position position = 1; position < node.positions(); ++position)
    if (const Reference child = planned_at(tx, node, position); child != 0 && node.slot(position) != without)
      entries.add(node.byte(position), child);
  return entries;
}

Expected<Reference> make_leaf(txn::Transaction& tx, const Pieces& rest, std::uint64_t value) {
  if (rest.bytes() > layout::key_bytes_max) return corrupt("a key longer than any key", rest.bytes());
  const auto block = heap::allocate(tx, leaf_bytes(rest.bytes()));
  if (!block) return std::unexpected(block.error());
  return fill_leaf(tx, *block, rest, value);
}

Reference fill_leaf(txn::Transaction& tx, Offset block, const Pieces& rest, std::uint64_t value) {
  Filler filler(tx, block);
  const auto kind = NodeKind::leaf;
  const auto rest_bytes = static_cast<std::uint16_t>(rest.bytes());
  filler.put(&kind, sizeof kind);
  filler.put(&rest_bytes, sizeof rest_bytes);
  filler.put(rest);
  filler.pad(leaf_value_at(rest.bytes()));
  filler.put(&value, sizeof value);
  return reference_to(block);
}

Expected<Reference> make_sparse(txn::Transaction& tx, const Pieces& prefix, const Entries& entries) {
  require(entries.count <= layout::sparse_children_max, "a sparse node has at most 48 children");
  if (prefix.bytes() > layout::key_bytes_max) return corrupt("a prefix longer than any key", prefix.bytes());
  const auto block = heap::allocate(tx, sparse_bytes(entries.count, prefix.bytes()));
  if (!block) return std::unexpected(block.error());
  Filler filler(tx, *block);
  const layout::InnerHeader header{.kind = NodeKind::sparse,
                                   .child_count = static_cast<std::uint8_t>(entries.count),
                                   .prefix_bytes = static_cast<std::uint16_t>(prefix.bytes()),
                                   .link = 0};
  filler.put(&header, sizeof header);
  filler.put(entries.bytes.data(), entries.count);
  filler.put(prefix);
  filler.pad(sparse_slots_at(entries.count, prefix.bytes()));
  filler.put(&entries.terminal, sizeof entries.terminal);
  filler.put(entries.children.data(), entries.count * sizeof(Reference));
  return reference_to(*block);
}

Expected<Reference> make_dense(txn::Transaction& tx, const Entries& entries) {
  const auto block = heap::allocate(tx, sizeof(layout::DenseNode));
  if (!block) return std::unexpected(block.error());
  layout::DenseNode node{};
  node.header.kind = NodeKind::dense;
  node.live_count = entries.count + (entries.terminal != 0 ? 1U : 0U);
  node.terminal = entries.terminal;
  for (std::uint32_t index = 0; index < entries.count; ++index)
    node.children[static_cast<unsigned char>(entries.bytes[index])] = entries.children[index];
  tx.fill(*block, &node, sizeof node);
  return reference_to(*block);
}

void count_entry(txn::Transaction& tx, const Inner& owner, std::uint32_t delta) {
  if (!owner.dense) return;
  const Offset count_at = owner.offset + offsetof(layout::DenseNode, live_count);
  tx.store32(count_at, tx.load32(count_at) + delta);
}

}  // namespace radish::radix
