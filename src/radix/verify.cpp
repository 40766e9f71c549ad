#include "radix/verify.h"

#include <algorithm>
#include <cstring>
#include <functional>

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

/// N4.
bool may_begin(std::string_view content, unsigned first, unsigned last) {
  if (content.empty()) return false;
  const auto byte = static_cast<unsigned char>(content.front());
  return byte >= first && byte <= last;
}

/// What can be said of a bucket without its entries.
bool has_sound_state(const Bucket& bucket, BucketState state) {
  layout::BucketHeader header;
  std::memcpy(&header, bucket.block, sizeof header);
  return state.fits(bucket.capacity) && state.live() != 0 && header.reserved == 0 && header.bytes % 8 == 0;
}

/// K1, K2: where suffixes end, of all that ever were.
const char* check_ends(const Bucket& bucket, BucketState state) {
  for (std::uint32_t entry = 0; entry < state.used(); ++entry) {
    const std::string_view suffix = bucket.suffix(entry);
    if (suffix.data() == nullptr) return "a suffix reaches beyond its bucket";
    if ((state.lengths() & BucketState::length_bit(suffix.size())) == 0)
      return "a bucket does not say how long a suffix is";
  }
  return nullptr;
}

}  // namespace

Expected<void> Verifier::tree(const txn::Root& root) {
  keys_ = 0;
  is_cut_off_ = false;
  if (const Reference top = root.node(segment_); top != 0) RADISH_TRY(subtree(top));
  const std::uint64_t count = root.key_count(segment_);
  return keys_ == count ? Expected<void>{} : corrupt("the count of keys is not the number of keys", count);
}

Expected<void> Verifier::condemned(Reference node) {
  const auto inner = memory_.inner(node);
  if (!inner) return std::unexpected(inner.error());
  RADISH_TRY(census_.count_block(inner->offset, inner->bytes()));
  RADISH_TRY(shape(*inner));
  is_cut_off_ = true;
  push_entries(*inner, 0);
  return drain();
}

Expected<void> Verifier::subtree(Reference top) {
  stack_.push_back({.reference = top, .depth = 0, .top = true});
  return drain();
}

Expected<void> Verifier::drain() {
  while (!stack_.empty()) {
    const Pending pending = stack_.back();
    stack_.pop_back();
    const auto node = memory_.node(pending.reference);
    if (!node) return std::unexpected(node.error());
    if (pending.terminal && !node->is_leaf())
      return corrupt("a terminal is no leaf", offset_of(pending.reference));
    if (node->is_leaf()) RADISH_TRY(leaf(node->leaf, pending));
    if (node->is_bucket()) RADISH_TRY(bucket(node->bucket, pending));
    if (node->is_inner()) RADISH_TRY(inner(node->inner, pending));
  }
  return {};
}

void Verifier::push_entries(const Inner& node, std::size_t depth) {
  if (const Reference terminal = node.at(terminal_position); terminal != 0)
    stack_.push_back({.reference = terminal, .depth = depth, .terminal = true});
  unsigned char first = 0;
  for (Position position = 1; position < node.positions(); ++position) {
    first = node.byte(position, first);
    const bool is_last = position + 1 == node.positions();
    if (const Reference reference = node.at(position); reference != 0)
      stack_.push_back({.reference = reference,
                        .depth = depth,
                        .first_byte = first,
                        .last_byte = is_last ? 255U : node.byte(position + 1, first) - 1U});
  }
}

Expected<void> Verifier::leaf(const Leaf& leaf, const Pending& pending) {
  if (pending.terminal && !leaf.rest.empty()) return corrupt("a terminal leaf has a rest", leaf.offset);
  if (!pending.terminal && !pending.top && !may_begin(leaf.rest, pending.first_byte, pending.last_byte))
    return corrupt("a leaf's key is another child's", leaf.offset);
  if (pending.depth + leaf.rest.size() > layout::key_bytes_max)
    return corrupt("a key longer than any key", leaf.offset);
  const std::uint64_t end = 3 + leaf.rest.size();
  if (!is_zero(segment_.at(leaf.offset + end), leaf_value_at(leaf.rest.size()) - end))
    return corrupt("a leaf is not padded with zeros", leaf.offset);
  ++keys_;
  return census_.count_block(leaf.offset, leaf.bytes());
}

Expected<void> Verifier::bucket(const Bucket& bucket, const Pending& pending) {
  RADISH_TRY(census_.count_block(bucket.offset, bucket.bytes));
  const BucketState state = bucket.state();
  if (!has_sound_state(bucket, state)) return corrupt("a bucket's state is none of its own", bucket.offset);
  if (const char* wrong = check_ends(bucket, state)) return corrupt(wrong, bucket.offset);
  const std::uint64_t tags_end = sizeof(layout::BucketHeader) + bucket.capacity,
                      ends_at = layout::bucket_ends_at(bucket.capacity),
                      ends_end = ends_at + sizeof(std::uint16_t) * bucket.capacity;
  if (!is_zero(bucket.block + tags_end, ends_at - tags_end) ||
      !is_zero(bucket.block + ends_end, layout::bucket_values_at(bucket.capacity) - ends_end))
    return corrupt("a bucket is not padded with zeros", bucket.offset);
  return entries(bucket, state, pending);
}

Expected<void> Verifier::entries(const Bucket& bucket, BucketState state, const Pending& pending) {
  std::vector<std::string_view> suffixes;
  const char* wrong = nullptr;
  const bool whole = bucket.each_suffix(state.live(), [&](std::uint32_t entry, std::string_view suffix) {
    suffixes.push_back(suffix);
    const std::string_view content = bucket.prefix.empty() ? suffix : bucket.prefix;
    if (!pending.top && !may_begin(content, pending.first_byte, pending.last_byte))
      wrong = "a bucket's key is another child's";
    if (pending.depth + bucket.prefix.size() + suffix.size() > layout::key_bytes_max)
      wrong = "a key longer than any key";
    if (bucket.tag(entry) != tag_of(suffix)) wrong = "an entry's tag is not that of its suffix";
  });
  require(whole, "ends were looked at before");
  if (wrong != nullptr) return corrupt(wrong, bucket.offset);
  std::sort(suffixes.begin(), suffixes.end());
  if (std::adjacent_find(suffixes.begin(), suffixes.end()) != suffixes.end())
    return corrupt("a bucket holds a key twice", bucket.offset);  // K3
  keys_ += suffixes.size();
  return {};
}

Expected<void> Verifier::inner(const Inner& node, const Pending& pending) {
  RADISH_TRY(census_.count_block(node.offset, node.bytes()));
  RADISH_TRY(shape(node));
  RADISH_TRY(whole(node));
  if (!pending.top && !may_begin(node.prefix, pending.first_byte, pending.last_byte))
    return corrupt("a node's keys are another child's", node.offset);
  push_entries(node, pending.depth + node.prefix.size());  // E1: too long a path shows at a leaf
  return {};
}

Expected<void> Verifier::shape(const Inner& node) const {
  const unsigned char* bytes = node.bytes_at;
  if (node.kind == NodeKind::sparse) {
    const unsigned char* end = bytes + node.separators;
    if (std::adjacent_find(bytes, end, std::greater_equal<>()) != end ||
        (node.separators != 0 && bytes[0] == 0))
      return corrupt("a node's separators do not ascend", node.offset);
  } else {
    const unsigned char* end = bytes + layout::index_bytes;
    const auto is_no_step = [](unsigned char a, unsigned char b) { return b != a && b != a + 1; };
    if (bytes[0] != 0 || end[-1] != node.separators || std::adjacent_find(bytes, end, is_no_step) != end)
      return corrupt("a node's index does not count its separators", node.offset);
  }
  const std::uint64_t end = layout::prefix_at(node.kind, node.separators) + node.prefix.size();
  if (!is_zero(segment_.at(node.offset + end),
               layout::slots_at(node.kind, node.separators, node.prefix.size()) - end))
    return corrupt("a node is not padded with zeros", node.offset);
  return {};
}

/// E1, and the writer's own word.
Expected<void> Verifier::whole(const Inner& node) const {
  const std::uint32_t count = count_entries(node);
  if (count == 0 && !is_cut_off_) return corrupt("an inner node without an entry", node.offset);
  const Offset link_at = node.offset + offsetof(layout::InnerHeader, link);
  if (sync::glance(*reinterpret_cast<const Reference*>(segment_.at(link_at))) != 0)
    return corrupt("a node of the tree is linked as a condemned one", node.offset);
  return {};
}

}  // namespace radish::radix
