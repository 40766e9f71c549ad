#include "radix/verify.h"

#include <vector>

#include "heap/census.h"
#include "heap/heap.h"
#include "radix/node.h"
#include "txn/recovery.h"

namespace radish::radix {
namespace {

/// A reference on its way to be checked, and the bytes of key that lead to it.
struct Pending {
  Reference reference;
  std::size_t depth;
  bool terminal;
};

bool is_zero(const std::byte* bytes, std::uint64_t count) {
  return std::all_of(bytes, bytes + count, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Walks all that is reachable. The census counts each block once, so every walk ends.
class Verifier {
 public:
  Verifier(const segment::Segment& segment, heap::Census& census)
      : segment_(segment), memory_(segment), census_(census) {}

  Expected<void> tree() {
    if (const Reference root = memory_.root(); root != 0) stack_.push_back({root, 0, false});
    RADISH_TRY(drain());
    const std::uint64_t count = sync::observe(segment_.roots().key_count);
    return keys_ == count ? Expected<void>{} : corrupt("the count of keys is not the number of keys", count);
  }
  /// What a node on the lists held may be partly given back already; what is below it is as it was cut off.
  Expected<void> condemned() {
    const layout::Roots& roots = segment_.roots();
    for (const Reference head : {sync::glance(roots.condemned_ready), sync::glance(roots.condemned_old),
                                 sync::glance(roots.condemned_young)})
      for (Reference node = head; node != 0;) {
        const auto inner = memory_.inner(node);
        if (!inner) return std::unexpected(inner.error());
        RADISH_TRY(census_.count_block(inner->offset, inner->bytes()));
        push_entries(*inner, 0);
        RADISH_TRY(drain());
        node = link(*inner);
      }
    return {};
  }

 private:
  [[nodiscard]] Reference link(const Inner& node) const {
    return sync::glance(
        *reinterpret_cast<const Reference*>(segment_.at(node.offset) + offsetof(layout::InnerHeader, link)));
  }
  Expected<void> drain() {
    while (!stack_.empty()) {
      const Pending pending = stack_.back();
      stack_.pop_back();
      const auto node = memory_.node(pending.reference);
      if (!node) return std::unexpected(node.error());
      RADISH_TRY(node->is_leaf ? leaf(node->leaf, pending) : inner(node->inner, pending));
    }
    return {};
  }
  void push_entries(const Inner& node, std::size_t depth) {
    for (Position position = 0; position < node.positions(); ++position)
      if (const Reference reference = node.at(position); reference != 0)
        stack_.push_back(
            {reference, depth + (position == terminal_position ? 0 : 1), position == terminal_position});
  }

  Expected<void> leaf(const Leaf& leaf, const Pending& pending) {
    if (pending.terminal && !leaf.rest.empty()) return corrupt("a terminal leaf has a rest", leaf.offset);
    if (pending.depth + leaf.rest.size() > layout::key_bytes_max)
      return corrupt("a key longer than any key", leaf.offset);
    const std::uint64_t end = 3 + leaf.rest.size();
    if (!is_zero(segment_.at(leaf.offset + end), leaf_value_at(leaf.rest.size()) - end))
      return corrupt("a leaf is not padded with zeros", leaf.offset);
    ++keys_;
    return census_.count_block(leaf.offset, leaf.bytes());
  }

  Expected<void> inner(const Inner& node, const Pending& pending) {
    if (pending.terminal) return corrupt("a terminal is no leaf", node.offset);
    RADISH_TRY(census_.count_block(node.offset, node.bytes()));
    RADISH_TRY(shape(node));
    RADISH_TRY(whole(node));
    push_entries(node, pending.depth + node.prefix.size());  // E1: too long a path shows at a leaf
    return {};
  }

  [[nodiscard]] Expected<void> shape(const Inner& node) const {
    if (node.dense) return {};
    const auto* bytes = reinterpret_cast<const unsigned char*>(node.keys.data());
    if (std::adjacent_find(bytes, bytes + node.keys.size(), std::greater_equal<>()) !=
        bytes + node.keys.size())
      return corrupt("a node's bytes do not ascend", node.offset);
    const std::uint64_t end = sizeof(layout::InnerHeader) + node.keys.size() + node.prefix.size();
    if (!is_zero(segment_.at(node.offset + end), sparse_slots_at(node.keys.size(), node.prefix.size()) - end))
      return corrupt("a node is not padded with zeros", node.offset);
    return {};
  }

  /// E1, and what the writer keeps beside the references.
  [[nodiscard]] Expected<void> whole(const Inner& node) const {
    const std::uint32_t count = count_entries(node);
    if (count == 0) return corrupt("an inner node without an entry", node.offset);
    if (link(node) != 0) return corrupt("a node of the tree is linked as a condemned one", node.offset);
    const auto& dense = *reinterpret_cast<const layout::DenseNode*>(segment_.at(node.offset));
    if (node.dense && sync::glance(dense.live_count) != count)
      return corrupt("a dense node's count is not the number of its entries", node.offset);
    return {};
  }

  const segment::Segment& segment_;
  Memory memory_;
  heap::Census& census_;
  std::vector<Pending> stack_;
  std::uint64_t keys_ = 0;
};

}  // namespace

namespace {

/// The frontier, once it and the backing have been found within their bounds (M4).
Expected<std::uint64_t> check_extent(const segment::Segment& segment) {
  const layout::Roots& roots = segment.roots();
  const std::uint64_t frontier = sync::observe(roots.frontier), backed = sync::observe(roots.backed);
  const std::uint64_t begin = segment.geometry().heap_offset / layout::page_bytes;
  const std::uint64_t pages = segment.geometry().capacity_bytes / layout::page_bytes;
  if (frontier < begin || frontier > pages) return corrupt("the frontier lies outside the heap", frontier);
  if (backed < frontier || backed > pages) return corrupt("the backing ends outside the heap", backed);
  return frontier;
}

}  // namespace

// Each word is read before the ones that bound it, and a transaction stores it after them.
Expected<void> check_roots(const segment::Segment& segment) {
  const layout::Roots& roots = segment.roots();
  const Reference root = sync::observe(roots.tree);
  const auto frontier = check_extent(segment);
  if (!frontier) return std::unexpected(frontier.error());
  if (root != 0 &&
      (offset_of(root) < segment.geometry().heap_offset || offset_of(root) >= *frontier * layout::page_bytes))
    return corrupt("the root lies outside the heap", offset_of(root));
  if (const std::uint64_t keys = sync::observe(roots.key_count);
      keys > segment.geometry().capacity_bytes / node_bytes_min)
    return corrupt("more keys are counted than the heap can hold", keys);
  const std::uint64_t condemned =
      std::max(sync::observe(roots.condemned_old_epoch), sync::observe(roots.condemned_young_epoch));
  const std::uint64_t epoch = sync::observe(roots.epoch);
  if (condemned > epoch) return corrupt("nodes were condemned in an epoch to come", condemned);
  if (epoch == 0 || epoch > heap::epoch_max) return corrupt("the epoch is out of bounds", epoch);
  const std::uint64_t generation = sync::observe(roots.generation);
  if (generation == 0 || generation > txn::generation_max)
    return corrupt("the generation is out of bounds", generation);
  if (const std::uint64_t mark = sync::observe(roots.clean_mark); mark > 1)
    return corrupt("the clean mark is neither there nor not", mark);
  return {};
}

Expected<void> check_unattended(const segment::Segment& segment) {
  if (sync::observe(segment.record().armed) == 0) return check_roots(segment);
  const auto frontier = check_extent(segment);
  if (!frontier) return std::unexpected(frontier.error());
  const auto record = txn::check_record(segment);
  return record ? Expected<void>{} : std::unexpected(record.error());
}

Expected<void> verify(const segment::Segment& segment) {
  RADISH_TRY(check_roots(segment));
  auto census = heap::Census::begin(segment);
  if (!census) return std::unexpected(census.error());
  Verifier verifier(segment, *census);
  RADISH_TRY(verifier.tree());
  RADISH_TRY(verifier.condemned());
  return census->finish();
}

}  // namespace radish::radix
