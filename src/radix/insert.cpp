#include "radix/insert.h"

#include <string>

#include "heap/changes.h"
#include "heap/classes.h"
#include "radix/build.h"

namespace radish::radix {
namespace {

using heap::Change;
using heap::tally;
using Stop = Place::Stop;

/// Goes on from an inner node; true if the walk ends here.
bool step(const txn::Transaction& tx, const Inner& node, std::string_view key, Place& place) {
  const std::string_view left = key.substr(place.depth);
  place.common = common_bytes(node.prefix, left);
  if (place.common < node.prefix.size()) {
    place.stop = Stop::prefix_differs;
    return true;
  }
  Position position = terminal_position;
  if (place.common < left.size()) position = node.find(static_cast<unsigned char>(left[place.common]));
  if (position == no_position) {
    place.stop = Stop::byte_missing;
    return true;
  }
  place.depth += place.common + (position == terminal_position ? 0 : 1);
  place.common = 0;
  place.slot = node.slot(position);
  place.owner = place.reference;
  place.reference = planned_at(tx, node, position);
  return false;
}

Expected<Inner> owner_of(Memory& memory, const Place& place) {
  if (place.owner != 0) return memory.inner(place.owner);
  return Inner{};
}

Expected<void> fill_vacant(txn::Transaction& tx, Memory& memory, const Place& place, std::string_view key,
                           std::uint64_t value) {
  const auto leaf = make_leaf(tx, {key.substr(place.depth)}, value);
  if (!leaf) return std::unexpected(leaf.error());
  const auto owner = owner_of(memory, place);
  if (!owner) return std::unexpected(owner.error());
  count_entry(tx, *owner, 1);
  tx.publish32(place.slot, *leaf);
  if (place.owner != 0) {
    tally(Change::slot_refilled);
    if (place.slot == owner->slot(terminal_position)) tally(Change::terminal_made);
  }
  return {};
}

/// Publishes what stands in for the node at the place.
Expected<void> replace(txn::Transaction& tx, const Place& place, const Expected<Reference>& replacement) {
  if (!replacement) return std::unexpected(replacement.error());
  tx.publish32(place.slot, *replacement);
  return {};
}

/// What was there and the key part after `common` bytes: a new node with what they share, above `lower`,
/// which stands for what was there, and the key's leaf.
Expected<void> part(txn::Transaction& tx, const Place& place, std::string_view left,
                    std::string_view lower_left, const Expected<Reference>& lower, std::uint64_t value,
                    Change change) {
  if (!lower) return std::unexpected(lower.error());
  const std::string_view new_left = left.substr(place.common);
  const auto leaf = make_leaf(tx, {below(new_left)}, value);
  if (!leaf) return std::unexpected(leaf.error());
  Entries entries;
  entries.add_key(lower_left, *lower);
  entries.add_key(new_left, *leaf);
  entries.sort();
  tally(entries.terminal != 0 ? Change::terminal_made : change);
  return replace(tx, place, make_sparse(tx, {left.substr(0, place.common)}, entries));
}

Expected<void> split_leaf(txn::Transaction& tx, Memory& memory, const Place& place, std::string_view left,
                          std::uint64_t value) {
  const auto old = memory.leaf(place.reference);
  if (!old) return std::unexpected(old.error());
  const std::string_view old_left = old->rest.substr(place.common);
  const auto lower = make_leaf(tx, {below(old_left)}, tx.load64(old->value_offset()));
  return part(tx, place, left, old_left, lower, value, Change::leaf_split);
}

Expected<void> split_edge(txn::Transaction& tx, Memory& memory, const Place& place, std::string_view left,
                          std::uint64_t value) {
  const auto old = memory.inner(place.reference);
  if (!old) return std::unexpected(old.error());
  const std::string_view old_left = old->prefix.substr(place.common);
  const auto lower = make_sparse(tx, {below(old_left)}, live_entries(tx, *old));
  return part(tx, place, left, old_left, lower, value, Change::edge_split);
}

/// A dense node has no prefix: a sparse one with a single child carries it.
Expected<Reference> make_dense_below(txn::Transaction& tx, std::string_view prefix, const Entries& entries) {
  const auto dense = make_dense(tx, entries);
  if (!dense || prefix.empty()) return dense;
  Entries only;
  only.add(static_cast<unsigned char>(prefix.back()), *dense);
  return make_sparse(tx, {prefix.substr(0, prefix.size() - 1)}, only);
}

Expected<void> add_byte(txn::Transaction& tx, Memory& memory, const Place& place, std::string_view left,
                        std::uint64_t value) {
  const auto old = memory.inner(place.reference);
  if (!old) return std::unexpected(old.error());
  const std::string_view new_left = left.substr(place.common);
  const auto leaf = make_leaf(tx, {below(new_left)}, value);
  if (!leaf) return std::unexpected(leaf.error());
  Entries entries = live_entries(tx, *old);
  entries.add_key(new_left, *leaf);
  entries.sort();
  if (entries.count > layout::sparse_children_max) {
    tally(Change::dense_made);
    return replace(tx, place, make_dense_below(tx, old->prefix, entries));
  }
  tally(Change::child_added);
  return replace(tx, place, make_sparse(tx, {old->prefix}, entries));
}

/// Twin T13 (split in place): where the shorter leaf would have a block of the same size.
bool splits_in_place(Memory& memory, const Place& place) {
  if (!broken(Twin::split_in_place) || place.stop != Stop::leaf_differs) return false;
  const auto leaf = memory.leaf(place.reference);
  if (!leaf || place.common >= leaf->rest.size()) return false;
  return heap::class_of(leaf_bytes(leaf->rest.size() - place.common - 1)) == heap::class_of(leaf->bytes());
}

Expected<void> split_leaf_in_place(txn::Transaction& tx, Memory& memory, const Place& place,
                                   std::string_view left, std::uint64_t value) {
  const auto old = memory.leaf(place.reference);
  const std::string old_left(old->rest.substr(place.common));
  const Reference lower =
      fill_leaf(tx, offset_of(place.reference), {below(old_left)}, tx.load64(old->value_offset()));
  return part(tx, place, left, old_left, lower, value, Change::leaf_split);
}

}  // namespace

Expected<Place> locate(const txn::Transaction& tx, const txn::Root& root, std::string_view key) {
  Memory memory(tx);
  Place place{.slot = root.node_at(), .reference = tx.load32(root.node_at())};
  while (place.reference != 0) {
    const auto node = memory.node(place.reference);
    if (!node) return std::unexpected(node.error());
    if (node->is_leaf) {
      const std::string_view rest = node->leaf.rest, left = key.substr(place.depth);
      place.common = common_bytes(rest, left);
      place.stop = rest == left ? Stop::found : Stop::leaf_differs;
      return place;
    }
    if (step(tx, node->inner, key, place)) return place;
    // N4: what a terminal refers to is a leaf without a rest, else the walk would not end.
    if (place.reference != 0 && place.slot == node->inner.slot(terminal_position))
      if (const auto leaf = memory.terminal(place.reference); !leaf) return std::unexpected(leaf.error());
  }
  place.stop = Stop::vacant;
  return place;
}

Expected<void> plan_insert(txn::Transaction& tx, const txn::Root& root, const Place& place,
                           std::string_view key, std::uint64_t value) {
  Memory memory(tx);
  const std::string_view left = key.substr(place.depth);
  const bool in_place = splits_in_place(memory, place);
  if (place.stop != Stop::vacant && place.stop != Stop::found && !in_place &&
      !broken(Twin::displaced_node_leaked))
    RADISH_TRY(heap::retire(tx, offset_of(place.reference)));  // P5
  Expected<void> planned;
  switch (place.stop) {
    case Stop::found:
      require(false, "P1: a key that is there is not inserted");
      break;
    case Stop::vacant:
      planned = fill_vacant(tx, memory, place, key, value);
      break;
    case Stop::leaf_differs:
      planned = (in_place ? split_leaf_in_place : split_leaf)(tx, memory, place, left, value);
      break;
    case Stop::prefix_differs:
      planned = split_edge(tx, memory, place, left, value);
      break;
    case Stop::byte_missing:
      planned = add_byte(tx, memory, place, left, value);
      break;
  }
  RADISH_TRY(planned);
  return txn::count_keys(tx, root, 1, 0);
}

}  // namespace radish::radix
