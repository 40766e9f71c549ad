#include "radix/insert.h"

#include <utility>

#include "heap/changes.h"
#include "radix/build.h"
#include "radix/divide.h"

namespace radish::radix {
namespace {

using heap::Change;
using heap::tally;
using Stop = Place::Stop;

/// Looks for the key among those of a bucket.
Expected<void> look_into(const txn::Transaction& tx, const Bucket& bucket, std::string_view left,
                         Place& place) {
  place.stop = Stop::keys_differ;
  const auto state = planned_state(tx, bucket);
  if (!state) return std::unexpected(state.error());
  if (!left.starts_with(bucket.prefix)) return {};
  const std::uint32_t entry = bucket.find(state->live(), left.substr(bucket.prefix.size()));
  if (entry == Bucket::broken) return corrupt("a suffix reaches beyond its bucket", bucket.offset);
  if (entry == Bucket::none) return {};
  place.stop = Stop::found;
  place.value_at = bucket.value_offset(entry);
  return {};
}

void look_at(const Leaf& leaf, std::string_view left, Place& place) {
  place.stop = leaf.rest == left ? Stop::found : Stop::keys_differ;
  place.value_at = leaf.value_offset();
}

/// Goes on from an inner node; true if the walk ends here.
Expected<bool> step(const txn::Transaction& tx, const Inner& node, std::string_view key, Place& place) {
  if (place.owner != 0 && node.prefix.empty())
    return corrupt("an inner node has no byte", node.offset);  // N4
  const std::string_view left = key.substr(place.depth);
  place.common = common_bytes(node.prefix, left);
  if (place.common < node.prefix.size()) {
    place.stop = Stop::prefix_differs;
    return true;
  }
  place.depth += place.common;
  place.is_terminal = place.common == left.size();
  const Position position =
      place.is_terminal ? terminal_position : node.find(static_cast<unsigned char>(left[place.common]));
  place.owner = place.reference;
  place.owner_slot = std::exchange(place.slot, node.slot(position));
  place.reference = planned_at(tx, node, position);
  return false;
}

Expected<Insertion> done(const Expected<Reference>& made, txn::Transaction& tx, Offset slot) {
  if (!made) return std::unexpected(made.error());
  tx.publish32(slot, *made);
  return Insertion::done;
}

Expected<Insertion> fill_vacant(txn::Transaction& tx, const Place& place, std::string_view left,
                                std::uint64_t value) {
  if (place.owner != 0) tally(place.is_terminal ? Change::terminal_made : Change::slot_refilled);
  return done(make_leaf(tx, {left}, value), tx, place.slot);
}

Expected<Insertion> join_keys(txn::Transaction& tx, Memory& memory, const Place& place, std::string_view left,
                              std::uint64_t value) {
  const auto node = memory.node(place.reference);
  if (!node) return std::unexpected(node.error());
  if (node->is_bucket()) {
    const auto state = planned_state(tx, node->bucket);
    if (!state) return std::unexpected(state.error());
    if (append(tx, node->bucket, *state, left, value)) {
      tally(Change::entry_appended);
      return Insertion::done;
    }
    if (is_enlargeable(node->bucket, *state, left)) {
      if (!broken(Twin::displaced_node_leaked)) RADISH_TRY(heap::retire(tx, node->bucket.offset));  // P5
      tally(Change::bucket_made);
      return done(enlarge(tx, node->bucket, *state, left, value), tx, place.slot);
    }
  }
  Items items;
  RADISH_TRY(items.add_keys(tx, *node));
  const ItemSet there = items.all();
  items.add({}, left, value);
  if (!broken(Twin::displaced_node_leaked)) RADISH_TRY(heap::retire(tx, offset_of(place.reference)));  // P5
  if (!fit_bucket_well(items, items.all(), 0)) return divide(tx, memory, place, items, there);
  tally(Change::bucket_made);
  return done(make_keys(tx, items, items.all(), 0), tx, place.slot);
}

/// The key parts from a node's prefix after some bytes: a new node with those above both.
Expected<Insertion> split_edge(txn::Transaction& tx, const Place& place, const Inner& old,
                               std::string_view left, std::uint64_t value) {
  RADISH_TRY(heap::retire(tx, old.offset));  // P5
  const std::string_view old_rest = old.prefix.substr(place.common), new_rest = left.substr(place.common);
  const auto lower = make_inner(tx, {old_rest}, live_entries(tx, old));
  if (!lower) return std::unexpected(lower.error());
  const auto leaf = make_leaf(tx, {new_rest}, value);
  if (!leaf) return std::unexpected(leaf.error());
  const auto old_byte = static_cast<unsigned char>(old_rest.front());
  Entries entries;
  entries.add(old_byte, *lower);
  if (new_rest.empty()) {
    entries.terminal = *leaf;
  } else {
    const auto new_byte = static_cast<unsigned char>(new_rest.front());
    entries.insert(new_byte < old_byte ? 0 : 1, new_byte, *leaf);
  }
  tally(new_rest.empty() ? Change::terminal_made : Change::edge_split);
  return done(make_inner(tx, {left.substr(0, place.common)}, entries), tx, place.slot);
}

/// Beside an inner node that does not begin with the key's byte, though it is the child for it.
Expected<Insertion> add_child(txn::Transaction& tx, Memory& memory, const Place& place, const Inner& beside,
                              std::string_view left, std::uint64_t value) {
  const auto owner = memory.inner(place.owner);
  if (!owner) return std::unexpected(owner.error());
  RADISH_TRY(heap::retire(tx, owner->offset));  // P5
  const auto leaf = make_leaf(tx, {left}, value);
  if (!leaf) return std::unexpected(leaf.error());
  Entries entries = live_entries(tx, *owner);
  const std::uint32_t index = entries.index_of(place.reference);
  const auto there = static_cast<unsigned char>(beside.prefix.front()),
             byte = static_cast<unsigned char>(left.front());
  if (byte < there) {
    RADISH_TRY(entries.divide(index, there, place.reference));
    entries.children[index] = *leaf;
  } else {
    RADISH_TRY(entries.divide(index, static_cast<unsigned char>(there + 1), *leaf));
  }
  tally(Change::child_added);
  return done(make_inner(tx, {owner->prefix}, entries), tx, place.owner_slot);
}

Expected<Insertion> part_from_prefix(txn::Transaction& tx, Memory& memory, const Place& place,
                                     std::string_view left, std::uint64_t value) {
  const auto old = memory.inner(place.reference);
  if (!old) return std::unexpected(old.error());
  if (place.common == 0 && place.owner != 0) return add_child(tx, memory, place, *old, left, value);
  return split_edge(tx, place, *old, left, value);
}

}  // namespace

Expected<Place> locate(const txn::Transaction& tx, const txn::Root& root, std::string_view key) {
  Memory memory(tx);
  Place place{.slot = root.node_at(), .reference = tx.load32(root.node_at())};
  while (place.reference != 0) {
    memory.foresee(place.reference, Memory::all_of_a_bucket);
    const auto node = memory.node(place.reference);
    if (!node) return std::unexpected(node.error());
    if (place.is_terminal)  // N5, else the walk would not end
      if (const auto leaf = memory.terminal(place.reference); !leaf) return std::unexpected(leaf.error());
    const std::string_view left = key.substr(place.depth);
    if (node->is_leaf()) {
      look_at(node->leaf, left, place);
      return place;
    }
    if (node->is_bucket()) {
      RADISH_TRY(look_into(tx, node->bucket, left, place));
      return place;
    }
    const auto ends = step(tx, node->inner, key, place);
    if (!ends) return std::unexpected(ends.error());
    if (*ends) return place;
  }
  place.stop = Stop::vacant;
  return place;
}

Expected<Insertion> plan_insert(txn::Transaction& tx, const txn::Root& root, const Place& place,
                                std::string_view key, std::uint64_t value) {
  Memory memory(tx);
  const std::string_view left = key.substr(place.depth);
  const auto planned = [&]() -> Expected<Insertion> {
    switch (place.stop) {
      case Stop::found:
        break;
      case Stop::vacant:
        return fill_vacant(tx, place, left, value);
      case Stop::keys_differ:
        return join_keys(tx, memory, place, left, value);
      case Stop::prefix_differs:
        return part_from_prefix(tx, memory, place, left, value);
    }
    require(false, "P1: a key that is there is not inserted");
    return Insertion::done;
  }();
  if (!planned) return std::unexpected(planned.error());
  if (*planned == Insertion::done) RADISH_TRY(txn::count_keys(tx, root, 1, 0));
  return *planned;
}

}  // namespace radish::radix
