#include "integer/verify.h"

#include <algorithm>

namespace radish::integer {

Expected<void> Verifier::map(const txn::Root& root, unsigned depth) {
  keys_ = 0;
  if (const Reference top = root.node(segment_); top != 0) stack_.push_back({top, depth, 0});
  RADISH_TRY(drain());
  const std::uint64_t count = root.key_count(segment_);
  return keys_ == count ? Expected<void>{} : corrupt("the count of keys is not the number of keys", count);
}

Expected<void> Verifier::condemned(Reference reference) {
  Node node;
  if (const char* wrong = read(extent_, reference, levels, node)) return corrupt(wrong, offset_of(reference));
  if (node.head.is_leaf()) return corrupt("a leaf where an inner node must be", offset_of(reference));
  RADISH_TRY(census_.count_block(offset_of(reference), sizeof(IntegerInner)));
  push_children(node);
  return drain();
}

Expected<void> Verifier::drain() {
  while (!stack_.empty()) {
    const Pending pending = stack_.back();
    stack_.pop_back();
    const Offset offset = offset_of(pending.reference);
    Node node;
    if (const char* wrong = read(extent_, pending.reference, pending.limit, node))
      return corrupt(wrong, offset);
    RADISH_TRY(census_.count_block(offset, bytes_of(node.head)));
    RADISH_TRY(check(node, pending));
    if (node.head.is_leaf())
      keys_ += static_cast<std::uint64_t>(std::popcount(node.head.taken));
    else
      push_children(node);
  }
  return {};
}

void Verifier::push_children(const Node& node) {
  const Level level = node.head.level;
  for (unsigned digit = 0; digit < digits; ++digit)
    if (const Reference child = node.child(digit); child != 0)
      stack_.push_back({child, level, node.prefix() | digit_at(digit, level)});
}

Expected<void> Verifier::check(const Node& node, const Pending& pending) {
  const Offset offset = offset_of(pending.reference);
  const std::uint64_t prefix = node.prefix();
  if (prefix_of(prefix, node.head.level) != prefix)
    return corrupt("the prefix of a node has digits that its keys do not share", offset);
  if (prefix_of(prefix, pending.limit - 1) != pending.leading)
    return corrupt("the prefix of a node is not what leads there", offset);
  if (sync::glance(node.leaf().link) != 0)
    return corrupt("a node of a map is linked as a condemned one", offset);
  if (node.head.is_leaf())
    return node.head.taken != 0 ? Expected<void>{} : corrupt("a leaf without a value", offset);
  if (node.head.taken != 0) return corrupt("reserved bytes of a node are not zero", offset);
  const auto is_child = [](const Reference& child) { return sync::glance(child) != 0; };
  if (std::ranges::count_if(node.inner().children, is_child) < 2)
    return corrupt("an inner node with fewer than two children", offset);
  return {};
}

}  // namespace radish::integer
