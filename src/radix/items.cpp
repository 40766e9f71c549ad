#include "radix/items.h"

#include <algorithm>

namespace radish::radix {

Expected<void> Items::add_keys(const txn::Transaction& tx, const Node& node, std::string_view front,
                               EntrySet without) {
  if (node.is_bucket()) return add_bucket(tx, node.bucket, front, without);
  if (!node.is_leaf()) return corrupt("an inner node where keys must be", node.inner.offset);
  add(front, node.leaf.rest, tx.load64(node.leaf.value_offset()));
  return {};
}

Expected<void> Items::add_bucket(const txn::Transaction& tx, const Bucket& bucket, std::string_view front,
                                 EntrySet without) {
  const auto state = planned_state(tx, bucket);
  if (!state) return std::unexpected(state.error());
  std::string start(front);
  start += bucket.prefix;
  text_.reserve(text_.size() + bucket.bytes + start.size() * state->live_count());
  const bool whole =
      bucket.each_suffix(state->live() & ~without, [&](std::uint32_t entry, std::string_view suffix) {
        add(start, suffix, tx.load64(bucket.value_offset(entry)));
      });
  return whole ? Expected<void>{} : corrupt("a suffix reaches beyond its bucket", bucket.offset);
}

std::size_t Items::common(ItemSet chosen, std::size_t skip) const {
  const auto first = static_cast<std::uint32_t>(std::countr_zero(chosen));
  std::string_view shared = content(first).substr(skip);
  for (ItemSet rest = chosen & (chosen - 1); rest != 0 && !shared.empty(); rest &= rest - 1) {
    const auto item = static_cast<std::uint32_t>(std::countr_zero(rest));
    shared = shared.substr(0, common_bytes(shared, content(item).substr(skip)));
  }
  return shared.size();
}

}  // namespace radish::radix
