#include "radix/erase.h"

#include <optional>
#include <vector>

#include "heap/changes.h"
#include "radix/build.h"

namespace radish::radix {
namespace {

using heap::Change;
using heap::tally;

/// A dense node becomes sparse at so many entries: well below what makes a sparse one dense, so that a key
/// that comes and goes does not rebuild the node each time.
constexpr std::uint32_t dense_entries_min = 24;

/// The walk of an erasure: remembers the topmost node below which every node has one entry (E1).
class Descent {
 public:
  Descent(const txn::Transaction& tx, const txn::Root& root)
      : tx_(tx), slot_(root.node_at()), reference_(tx.load32(slot_)) {}

  [[nodiscard]] Reference reference() const { return reference_; }
  /// Through a node's position to what it refers to.
  void enter(const Inner& node, Position position) {
    if (count_entries(tx_, node, 2) < 2) {
      if (chain_.reference == 0) chain_ = here();
    } else {
      chain_ = {};
    }
    above_ = owner_;
    owner_ = {slot_, reference_};
    slot_ = node.slot(position);
    reference_ = planned_at(tx_, node, position);
  }
  [[nodiscard]] Cut cut() const {
    Cut cut = chain_.reference != 0 ? chain_ : here();
    cut.subtree = reference_;
    return cut;
  }

 private:
  [[nodiscard]] Cut here() const {
    return {.slot = slot_, .reference = reference_, .owner = owner_, .above = above_};
  }
  const txn::Transaction& tx_;
  Offset slot_;
  Reference reference_;
  Level owner_;
  Level above_;
  Cut chain_;  ///< its reference is 0 while the node at hand has another entry
};

/// A cut and the nodes around it, and what is left of the owner without it.
struct Remainder {
  Inner owner;
  Entries entries;
  std::uint32_t count = 0;     ///< of entries, the terminal included
  std::optional<Inner> above;  ///< if it has the owner as its only entry and can be joined with it
  unsigned char byte_from_above = 0;
};

Expected<Remainder> remainder_of(const txn::Transaction& tx, Memory& memory, const Cut& cut) {
  const auto owner = memory.inner(cut.owner.node);
  if (!owner) return std::unexpected(owner.error());
  Remainder rest{.owner = *owner, .entries = live_entries(tx, *owner, cut.slot), .above = {}};
  rest.count = rest.entries.count + (rest.entries.terminal != 0 ? 1U : 0U);
  if (cut.above.node == 0) return rest;
  const auto above = memory.inner(cut.above.node);
  if (!above) return std::unexpected(above.error());
  if (above->dense || count_entries(tx, *above, 2) != 1) return rest;
  for (Position position = 1; position < above->positions(); ++position)
    if (above->slot(position) == cut.owner.slot) {
      rest.above = *above;
      rest.byte_from_above = above->byte(position);
    }
  return rest;
}

/// Bytes as a piece of a prefix; they outlive the Pieces that name them.
struct JoinBytes {
  char from_above = 0;
  char to_child = 0;
};

/// The prefix of the node that stands in for the owner.
Pieces joined_prefix(const Remainder& rest, JoinBytes& bytes) {
  if (!rest.above) return {rest.owner.prefix};
  bytes.from_above = static_cast<char>(rest.byte_from_above);
  return {rest.above->prefix, {&bytes.from_above, 1}, rest.owner.prefix};
}

/// The last entry of the owner is joined with it. 0 if it is a dense node, which has no prefix to join.
Expected<Reference> make_merged(txn::Transaction& tx, Memory& memory, const Remainder& rest) {
  JoinBytes bytes;
  Pieces prefix = joined_prefix(rest, bytes);
  const bool ends_here = rest.entries.terminal != 0;
  const Reference last = ends_here ? rest.entries.terminal : rest.entries.children[0];
  if (!ends_here) {
    bytes.to_child = rest.entries.bytes[0];
    prefix.add({&bytes.to_child, 1});
  }
  const auto node = memory.node(last);
  if (!node) return std::unexpected(node.error());
  if (!node->is_leaf && node->inner.dense) return Reference{0};
  RADISH_TRY(heap::retire(tx, offset_of(last)));  // P5
  tally(Change::merge);
  if (node->is_leaf) {
    prefix.add(node->leaf.rest);
    return make_leaf(tx, prefix, tx.load64(node->leaf.value_offset()));
  }
  prefix.add(node->inner.prefix);
  return make_sparse(tx, prefix, live_entries(tx, node->inner));
}

/// What stands in for the owner, smaller; 0 if it is to stay as it is.
Expected<Reference> make_smaller(txn::Transaction& tx, Memory& memory, const Remainder& rest) {
  if (rest.count == 1) {
    const auto merged = make_merged(tx, memory, rest);
    if (!merged || *merged != 0) return merged;
  }
  const bool shrink =
      rest.owner.dense ? rest.count <= dense_entries_min : rest.entries.count * 2 <= rest.owner.keys.size();
  if (!shrink) return Reference{0};
  JoinBytes bytes;
  const auto made = make_sparse(tx, joined_prefix(rest, bytes), rest.entries);
  if (made) tally(rest.owner.dense ? Change::sparse_made : Change::compaction);
  return made;
}

/// Whether an owner without its cut entry is small enough to be looked at closer. Cheap: most are not.
Expected<bool> may_shrink(txn::Transaction& tx, Memory& memory, const Cut& cut) {
  const auto owner = memory.inner(cut.owner.node);
  if (!owner) return std::unexpected(owner.error());
  if (owner->dense)
    return tx.load32(owner->offset + offsetof(layout::DenseNode, live_count)) <= dense_entries_min + 1;
  const std::uint32_t enough = owner->positions() / 2 + 3;
  return count_entries(tx, *owner, enough) < enough;
}

/// Plans that something smaller stands in for the owner without its cut entry. False if there is no reason:
/// what was planned then is void.
Expected<bool> plan_smaller_owner(txn::Transaction& tx, const Cut& cut) {
  if (cut.owner.node == 0) return false;
  Memory memory(tx);
  const auto reason = may_shrink(tx, memory, cut);
  if (!reason || !*reason) return reason;
  const auto rest = remainder_of(tx, memory, cut);
  if (!rest) return std::unexpected(rest.error());
  RADISH_TRY(heap::give_up(tx, cut.reference));
  RADISH_TRY(heap::retire(tx, offset_of(cut.owner.node)));
  if (rest->above) RADISH_TRY(heap::retire(tx, offset_of(cut.above.node)));
  const auto made = make_smaller(tx, memory, *rest);
  if (!made) return std::unexpected(made.error());
  if (*made == 0) return false;
  tx.publish32(rest->above ? cut.above.slot : cut.owner.slot, *made);
  return true;
}

Expected<void> plan_null(txn::Transaction& tx, const Cut& cut) {
  tx.publish32(cut.slot, 0);
  if (cut.owner.node != 0) {
    Memory memory(tx);
    const auto owner = memory.inner(cut.owner.node);
    if (!owner) return std::unexpected(owner.error());
    count_entry(tx, *owner, ~std::uint32_t{0});
  }
  return heap::give_up(tx, cut.reference);
}

/// Counts the keys below a node, depth first, so that no more than one path is remembered (E4).
class Count {
 public:
  /// No more than `keys_max` of them: what the roots count.
  Count(const txn::Transaction& tx, std::uint64_t keys_max)
      : tx_(tx), memory_(tx), keys_max_(keys_max), budget_(memory_.blocks_max()) {}

  Expected<std::uint64_t> below(const Inner& top) {
    RADISH_TRY(enter(top));
    while (!path_.empty()) {
      Frame& frame = path_.back();
      if (frame.next == frame.node.positions()) {
        path_.pop_back();
        continue;
      }
      const Position position = frame.next++;
      if (const Reference reference = planned_at(tx_, frame.node, position); reference != 0)
        RADISH_TRY(step(position, reference));
    }
    return keys_;
  }

 private:
  struct Frame {
    Inner node;
    Position next;
  };

  Expected<void> enter(const Inner& node) {
    const std::uint64_t units = visit_units(node.bytes());
    if (units > budget_) return corrupt("a subtree with more nodes than the heap can hold", node.offset);
    budget_ -= units;
    if (path_.size() > layout::key_bytes_max) return corrupt("a path longer than any key", node.offset);
    path_.push_back({node, 0});
    return {};
  }
  Expected<void> step(Position position, Reference reference) {
    if (position == terminal_position) {  // N4
      const auto leaf = memory_.terminal(reference);
      return leaf ? count() : std::unexpected(leaf.error());
    }
    const auto node = memory_.node(reference);
    if (!node) return std::unexpected(node.error());
    return node->is_leaf ? count() : enter(node->inner);
  }
  Expected<void> count() {
    if (++keys_ > keys_max_) return corrupt("fewer keys are counted than there are", keys_max_);
    return {};
  }

  const txn::Transaction& tx_;
  Memory memory_;
  std::uint64_t keys_max_;
  std::uint64_t budget_;
  std::uint64_t keys_ = 0;
  std::vector<Frame> path_;
};

}  // namespace

Expected<Cut> locate_cut(const txn::Transaction& tx, const txn::Root& root, std::string_view query,
                         Reach reach) {
  Memory memory(tx);
  Descent descent(tx, root);
  const bool whole = reach == Reach::key;
  std::string_view left = query;
  while (descent.reference() != 0) {
    const auto node = memory.node(descent.reference());
    if (!node) return std::unexpected(node.error());
    if (node->is_leaf) {
      const std::string_view rest = node->leaf.rest;
      return (whole ? rest == left : rest.starts_with(left)) ? descent.cut() : Cut{};
    }
    const Inner& inner = node->inner;
    if (!whole && inner.prefix.starts_with(left)) return descent.cut();
    if (!left.starts_with(inner.prefix)) return Cut{};
    left.remove_prefix(inner.prefix.size());
    const bool ends = left.empty();
    const Position position = ends ? terminal_position : inner.find(static_cast<unsigned char>(left.front()));
    if (position == no_position) return Cut{};
    if (!ends) left.remove_prefix(1);
    descent.enter(inner, position);
    if (ends && descent.reference() != 0)  // N4, else the walk would not end
      if (const auto leaf = memory.terminal(descent.reference()); !leaf) return std::unexpected(leaf.error());
  }
  return Cut{};
}

Expected<std::uint64_t> count_subtree(const txn::Transaction& tx, const txn::Root& root, Reference subtree) {
  Memory memory(tx);
  const auto node = memory.node(subtree);
  if (!node) return std::unexpected(node.error());
  if (node->is_leaf) return 1;
  return Count(tx, tx.load64(root.key_count_at())).below(node->inner);
}

Expected<void> plan_erase(txn::Transaction& tx, const txn::Root& root, const Cut& cut, std::uint64_t keys) {
  const txn::Savepoint before(tx);
  const bool fitted = !tx.is_too_large();
  const auto smaller = plan_smaller_owner(tx, cut);
  const bool fits =
      !fitted || !tx.is_too_large();  // else stores are missing, and what is said then means nothing
  // Only want of room may be passed over, and a disk that answers otherwise when asked for some.
  if (fits && !smaller && smaller.error().code == Code::corrupt) return std::unexpected(smaller.error());
  if (!fits || !smaller || !*smaller) {
    before.restore();  // no room to tidy up, in the heap or in the record, or no reason; neither is needed
    RADISH_TRY(plan_null(tx, cut));
  }
  if (cut.reference != cut.subtree) tally(Change::chain_cut);
  return txn::count_keys(tx, root, 0, keys);
}

}  // namespace radish::radix
