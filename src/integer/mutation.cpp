#include "integer/mutation.h"

#include "heap/condemned.h"
#include "heap/mutate.h"
#include "integer/node.h"

namespace radish::integer {
namespace {

using txn::Edit;
using txn::Found;
using txn::Root;
using txn::Transaction;

/// A node as a plan leaves it. Level `levels`: none.
struct Planned {
  Offset offset = 0;
  Head head{.kind = NodeKind::integer_inner, .level = levels, .taken = 0};
  std::uint64_t prefix = 0;

  [[nodiscard]] Offset child_at(unsigned digit) const {
    return offset + offsetof(IntegerInner, children) + digit * sizeof(Reference);
  }
  [[nodiscard]] Offset value_at(unsigned digit) const {
    return offset + offsetof(IntegerLeaf, values) + digit * sizeof(std::uint64_t);
  }
};

/// A node and the word that refers to it.
struct Linked {
  Offset slot = 0;
  Reference reference = 0;
  Planned node{};  ///< of a reference that is not null
};

/// Where the walk for a key ended, under the writer's lock.
struct Place {
  Linked last;     ///< the word that was followed last
  Linked owner{};  ///< the inner node that it lies in; none if it is the root's
  bool matches;    ///< what it refers to is the key's leaf; else another node, or it is null
};

Expected<Planned> read_planned(const Transaction& tx, txn::Extent& extent, Reference reference, Level limit) {
  const Offset offset = offset_of(reference);
  if (extent.bytes(offset, node_bytes_min) == nullptr) return corrupt(outside_the_heap, offset);
  const auto head = std::bit_cast<Head>(tx.load32(offset));
  if (const char* wrong = wrong_with(head, limit)) return corrupt(wrong, offset);
  if (extent.bytes(offset, bytes_of(head)) == nullptr) return corrupt(beyond_the_frontier, offset);
  return Planned{offset, head, tx.load64(offset + offsetof(IntegerLeaf, prefix))};
}

Expected<Place> locate(const Transaction& tx, const Root& root, unsigned depth, std::uint64_t key) {
  txn::Extent extent(tx);
  Place place{.last = {.slot = root.node_at(), .reference = tx.load32(root.node_at())}, .matches = false};
  for (Level limit = depth; place.last.reference != 0;) {
    const auto node = read_planned(tx, extent, place.last.reference, limit);
    if (!node) return std::unexpected(node.error());
    place.last.node = *node;
    if (prefix_of(key, node->head.level) != node->prefix) {
      if (parting_level(key, node->prefix) >= limit)
        return corrupt("the prefix of a node is not what leads there", node->offset);
      return place;
    }
    if (node->head.is_leaf()) {
      place.matches = true;
      return place;
    }
    limit = node->head.level;
    const Offset slot = node->child_at(digit_of(key, limit));
    place.owner = std::exchange(place.last, Linked{.slot = slot, .reference = tx.load32(slot)});
  }
  return place;
}

// --- insertion -------------------------------------------------------------------------------------------

Expected<Reference> make_leaf(Transaction& tx, std::uint64_t key, std::uint64_t value) {
  const auto block = heap::allocate(tx, sizeof(IntegerLeaf));
  if (!block) return std::unexpected(block.error());
  IntegerLeaf leaf{};
  leaf.kind = NodeKind::integer_leaf;
  leaf.taken = static_cast<std::uint16_t>(1U << digit_of(key, 0));
  leaf.prefix = prefix_of(key, 0);
  leaf.values[digit_of(key, 0)] = value;
  tx.fill(*block, &leaf, sizeof leaf);
  return reference_to(*block);
}

/// A node above another and a new leaf, which tells the two apart.
Expected<Reference> make_inner(Transaction& tx, const Linked& below, std::uint64_t key, Reference leaf) {
  const auto block = heap::allocate(tx, sizeof(IntegerInner));
  if (!block) return std::unexpected(block.error());
  const Level level = parting_level(key, below.node.prefix);
  IntegerInner inner{};
  inner.kind = NodeKind::integer_inner;
  inner.level = static_cast<std::uint8_t>(level);
  inner.prefix = prefix_of(key, level);
  inner.children[digit_of(key, level)] = leaf;
  inner.children[digit_of(below.node.prefix, level)] = below.reference;
  tx.fill(*block, &inner, sizeof inner);
  return reference_to(*block);
}

/// U3: a leaf for the key, and an inner node above what was there, if anything.
Expected<void> plan_leaf(Transaction& tx, const Linked& place, std::uint64_t key, std::uint64_t value) {
  auto made = make_leaf(tx, key, value);
  if (made && place.reference != 0) made = make_inner(tx, place, key, *made);
  if (!made) return std::unexpected(made.error());
  tx.publish32(place.slot, *made);
  return {};
}

/// Changes which values of a leaf are there.
void publish_taken(Transaction& tx, const Planned& leaf, unsigned digit) {
  Head head = leaf.head;
  head.taken = static_cast<std::uint16_t>(head.taken ^ 1U << digit);
  tx.publish32(leaf.offset, head.word());
}

/// The key's value at the place where the walk for it ended.
txn::Value value_at(const Transaction& tx, const Place& place, std::uint64_t key) {
  const Planned& leaf = place.last.node;
  if (!place.matches || !leaf.head.has(digit_of(key, 0))) return std::nullopt;
  return tx.load64(leaf.value_at(digit_of(key, 0)));
}

Expected<Found> plan_store(Transaction& tx, const Root& root, const Place& place, std::uint64_t key,
                           const Edit& edit) {
  const Planned& leaf = place.last.node;
  const unsigned digit = digit_of(key, 0);
  Found found{.before = value_at(tx, place, key)};
  const txn::Value value = edit.value_after(found.before);
  found.changed = value.has_value();
  if (!value) return found;
  if (place.matches)
    tx.store64(leaf.value_at(digit), *value);
  else
    RADISH_TRY(plan_leaf(tx, place.last, key, *value));
  if (found.before) return found;
  if (place.matches) publish_taken(tx, leaf, digit);  // G5
  RADISH_TRY(txn::count_keys(tx, root, 1, 0));
  return found;
}

// --- erasure ---------------------------------------------------------------------------------------------

/// The only child of a node but the one in a slot; 0 if there are several.
Expected<Reference> only_other_child(const Transaction& tx, const Planned& node, Offset slot) {
  Reference other = 0;
  for (unsigned digit = 0; digit < digits; ++digit) {
    const Reference child = tx.load32(node.child_at(digit));
    if (child == 0 || node.child_at(digit) == slot) continue;
    if (other != 0) return Reference{0};
    other = child;
  }
  if (other == 0) return corrupt("an inner node with one child", node.offset);
  return other;
}

/// U2: cuts a leaf off, and its parent, if that is left with one child.
Expected<void> plan_cut(Transaction& tx, const Place& place) {
  RADISH_TRY(heap::give_up(tx, place.last.reference));
  Reference other = 0;
  if (place.owner.reference != 0) {
    const auto only = only_other_child(tx, place.owner.node, place.last.slot);
    if (!only) return std::unexpected(only.error());
    other = *only;
  }
  if (other == 0 || broken(Twin::pruned_one_level_short)) {
    tx.publish32(place.last.slot, 0);
    return {};
  }
  tx.publish32(place.owner.slot, other);
  return heap::retire(tx, place.owner.node.offset);
}

Expected<Found> plan_erase(Transaction& tx, const Root& root, const Place& place, std::uint64_t key) {
  const txn::Value before = value_at(tx, place, key);
  if (!before) return Found{};
  const Planned& leaf = place.last.node;
  if (std::popcount(leaf.head.taken) > 1)
    publish_taken(tx, leaf, digit_of(key, 0));
  else
    RADISH_TRY(plan_cut(tx, place));
  RADISH_TRY(txn::count_keys(tx, root, 0, 1));
  return Found{.changed = true, .before = before};
}

}  // namespace

Expected<txn::Value> look_up(const Transaction& tx, const Root& root, unsigned depth, std::uint64_t key) {
  RADISH_TRY(root.check(tx.segment()));
  RADISH_TRY(check_key(depth, key));
  const auto place = locate(tx, root, depth, key);
  if (!place) return std::unexpected(place.error());
  return value_at(tx, *place, key);
}

Expected<Found> plan_edit(Transaction& tx, const Root& root, unsigned depth, std::uint64_t key,
                          const Edit& edit) {
  RADISH_TRY(root.check(tx.segment()));
  RADISH_TRY(check_key(depth, key));
  const auto place = locate(tx, root, depth, key);
  if (!place) return std::unexpected(place.error());
  if (edit.kind == Edit::Kind::erase) return plan_erase(tx, root, *place, key);
  return plan_store(tx, root, *place, key, edit);
}

Expected<Found> edit(sync::Attachment& attachment, const Root& root, unsigned depth, std::uint64_t key,
                     const Edit& edit) {
  return heap::mutate(attachment, [&](Transaction& tx) { return plan_edit(tx, root, depth, key, edit); });
}

}  // namespace radish::integer
