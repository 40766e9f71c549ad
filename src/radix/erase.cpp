#include "radix/erase.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "heap/changes.h"
#include "radix/build.h"

namespace radish::radix {
namespace {

using heap::Change;
using heap::tally;

/// A bucket is made smaller, or joined with a neighbour, once it is this part full.
constexpr std::uint32_t bucket_shrink_factor = 3;
/// Well below what a bucket holds, so that a key that comes and goes does not divide it each time.
constexpr std::uint32_t joined_entries_max = layout::bucket_entries_max / 2;

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
    owner_ = {slot_, reference_};
    slot_ = node.slot(position);
    reference_ = planned_at(tx_, node, position);
  }
  /// Of all that it came to.
  [[nodiscard]] Cut cut() const {
    Cut cut = chain_.reference != 0 ? chain_ : here();
    cut.subtree = reference_;
    return cut;
  }
  /// Of some entries of the bucket that it came to.
  [[nodiscard]] Cut cut(EntrySet entries) const {
    Cut cut = here();
    cut.entries = entries;
    return cut;
  }

 private:
  [[nodiscard]] Cut here() const {
    return {.slot = slot_, .reference = reference_, .owner = owner_, .subtree = reference_};
  }
  const txn::Transaction& tx_;
  Offset slot_;
  Reference reference_;
  Level owner_;
  Cut chain_;  ///< its reference is 0 while the node at hand has another entry
};

Expected<std::uint32_t> count_live(const txn::Transaction& tx, const Node& node) {
  if (node.is_leaf()) return 1;
  const auto state = planned_state(tx, node.bucket);
  if (!state) return std::unexpected(state.error());
  return state->live_count();
}

/// Something that is not larger stands in for the node that a word refers to.
Expected<bool> stand_in(txn::Transaction& tx, Offset slot, const Expected<Reference>& made) {
  if (!made) return std::unexpected(made.error());
  tx.publish32(slot, *made);
  return true;
}

/// The key that ends at an inner node, if one does.
Expected<void> add_terminal(const txn::Transaction& tx, Memory& memory, const Inner& owner,
                            Reference terminal, Items& items) {
  if (terminal == 0) return {};
  const auto leaf = memory.terminal(terminal);
  if (!leaf) return std::unexpected(leaf.error());
  items.add(owner.prefix, {}, tx.load64(leaf->value_offset()));
  return {};
}

/// A neighbour among an owner's children; none where there is no node.
struct Neighbour {
  std::optional<Node> node;
  std::uint32_t index = 0;
};

/// What is left of a bucket joins its neighbour's keys. They stand in for the owner, with the key that ends
/// there, if it holds no others. False if they do not fit.
Expected<bool> join(txn::Transaction& tx, Memory& memory, const Cut& cut, const Inner& owner,
                    Entries& entries, const Node& bucket, std::uint32_t index, const Neighbour& neighbour) {
  const bool all = entries.count == (neighbour.node ? 2 : 1);
  const std::string_view front = all ? owner.prefix : std::string_view{};
  Items items;
  RADISH_TRY(items.add_keys(tx, bucket, front, cut.entries));
  if (neighbour.node) RADISH_TRY(items.add_keys(tx, *neighbour.node, front));
  if (all) RADISH_TRY(add_terminal(tx, memory, owner, entries.terminal, items));
  if (!fit_bucket_well(items, items.all(), 0)) return false;
  RADISH_TRY(heap::retire(tx, offset_of(cut.reference)));  // P5
  RADISH_TRY(heap::retire(tx, owner.offset));
  if (neighbour.node) RADISH_TRY(heap::retire(tx, offset_of(entries.children[neighbour.index])));
  if (all && entries.terminal != 0) RADISH_TRY(heap::retire(tx, offset_of(entries.terminal)));
  tally(neighbour.node ? Change::neighbours_joined : Change::node_joined);
  const auto joined = make_keys(tx, items, items.all(), 0);
  if (all || !joined) return stand_in(tx, cut.owner.slot, joined);
  entries.children[std::min(index, neighbour.index)] = *joined;
  entries.remove(std::max(index, neighbour.index));
  return stand_in(tx, cut.owner.slot, make_inner(tx, {owner.prefix}, entries));
}

/// The same with either neighbour, or alone if there is none. False if none has few enough keys.
Expected<bool> plan_join(txn::Transaction& tx, Memory& memory, const Cut& cut, const Node& bucket,
                         std::uint32_t left_count) {
  const auto owner = memory.inner(cut.owner.node);
  if (!owner) return std::unexpected(owner.error());
  Entries entries = live_entries(tx, *owner);
  const std::uint32_t index = entries.index_of(cut.reference);
  if (index == entries.count) return corrupt("a child is not where it was found", cut.reference);
  if (entries.count == 1) return join(tx, memory, cut, *owner, entries, bucket, index, {});
  for (const std::uint32_t other : {index + 1, index - 1}) {
    if (other >= entries.count) continue;  // index - 1 too, of the first
    const auto node = memory.node(entries.children[other]);
    if (!node) return std::unexpected(node.error());
    if (node->is_inner()) continue;
    const auto count = count_live(tx, *node);
    if (!count) return std::unexpected(count.error());
    if (left_count + *count > joined_entries_max) continue;
    const auto joined = join(tx, memory, cut, *owner, entries, bucket, index, {*node, other});
    if (!joined || *joined) return joined;
  }
  return false;
}

/// Plans that what is left of a bucket takes less room. False if there is no reason.
Expected<bool> plan_smaller_bucket(txn::Transaction& tx, Memory& memory, const Cut& cut) {
  const auto node = memory.node(cut.reference);
  if (!node) return std::unexpected(node.error());
  const auto live_count = count_live(tx, *node);
  if (!live_count) return std::unexpected(live_count.error());
  const std::uint32_t left_count = *live_count - static_cast<std::uint32_t>(std::popcount(cut.entries));
  if (left_count * bucket_shrink_factor > node->bucket.capacity) return false;
  if (cut.owner.node != 0) {
    const auto joined = plan_join(tx, memory, cut, *node, left_count);
    if (!joined || *joined) return joined;
  }
  Items items;
  RADISH_TRY(items.add_keys(tx, *node, {}, cut.entries));
  if (!fit_bucket(items, items.all(), 0)) return corrupt("a bucket's suffixes overlap", cut.reference);
  RADISH_TRY(heap::retire(tx, offset_of(cut.reference)));  // P5
  tally(Change::bucket_shrunk);
  return stand_in(tx, cut.slot, make_keys(tx, items, items.all(), 0));
}

/// The owner's keys when its terminal alone is left, or a leaf or bucket too. 0 if a bucket would be too
/// large.
Expected<Reference> make_remaining_keys(txn::Transaction& tx, Memory& memory, const Inner& owner,
                                        const Entries& left) {
  Items items;
  if (left.children[0] != 0) {
    const auto node = memory.node(left.children[0]);
    if (!node) return std::unexpected(node.error());
    RADISH_TRY(items.add_keys(tx, *node, owner.prefix));
  }
  RADISH_TRY(add_terminal(tx, memory, owner, left.terminal, items));
  if (items.count() == 0) return corrupt("an inner node without an entry", owner.offset);
  if (items.count() != 1 && !fit_bucket_well(items, items.all(), 0)) return Reference{0};
  for (const Reference reference : {left.children[0], left.terminal})
    if (reference != 0) RADISH_TRY(heap::retire(tx, offset_of(reference)));  // P5
  return make_keys(tx, items, items.all(), 0);
}

/// What stands in for an owner with one child or none left. 0 if it is to stay.
Expected<Reference> make_joined(txn::Transaction& tx, Memory& memory, const Inner& owner,
                                const Entries& left) {
  const Reference child = left.children[0];
  if (child != 0) {
    const auto node = memory.node(child);
    if (!node) return std::unexpected(node.error());
    if (node->is_inner()) {
      if (left.terminal != 0) return Reference{0};
      RADISH_TRY(heap::retire(tx, offset_of(child)));  // P5
      return make_inner(tx, {owner.prefix, node->inner.prefix}, live_entries(tx, node->inner));
    }
  }
  return make_remaining_keys(tx, memory, owner, left);
}

/// Plans that something smaller stands in for the owner without its cut entry. False if there is no reason:
/// what was planned then is void.
Expected<bool> plan_smaller_owner(txn::Transaction& tx, Memory& memory, const Cut& cut) {
  if (cut.owner.node == 0) return false;
  const auto owner = memory.inner(cut.owner.node);
  if (!owner) return std::unexpected(owner.error());
  const std::uint32_t enough = owner->positions() / 2 + 3;  // cheap: most have more than that
  if (count_entries(tx, *owner, enough) == enough) return false;
  Entries left = live_entries(tx, *owner);
  const std::uint32_t index = left.index_of(cut.reference);
  if (cut.slot == owner->slot(terminal_position))
    left.terminal = 0;
  else if (index < left.count && left.count > 1)
    left.remove(index);
  else
    left.children[0] = 0;
  const bool compact = (left.count + 1) * 2 <= owner->positions();
  if (left.count > 1 && !compact) return false;
  RADISH_TRY(heap::give_up(tx, cut.reference));
  RADISH_TRY(heap::retire(tx, owner->offset));
  if (left.count == 1) {
    const auto joined = make_joined(tx, memory, *owner, left);
    if (!joined) return std::unexpected(joined.error());
    if (*joined != 0) {
      tally(Change::node_joined);
      return stand_in(tx, cut.owner.slot, *joined);
    }
  }
  if (!compact) return false;
  tally(Change::compaction);
  return stand_in(tx, cut.owner.slot, make_inner(tx, {owner->prefix}, left));
}

/// Takes the keys out in the one way that needs no room.
Expected<void> plan_null(txn::Transaction& tx, Memory& memory, const Cut& cut) {
  if (cut.entries == 0) {
    tx.publish32(cut.slot, 0);
    return heap::give_up(tx, cut.reference);
  }
  const auto node = memory.node(cut.reference);
  if (!node) return std::unexpected(node.error());
  const auto state = planned_state(tx, node->bucket);
  if (!state) return std::unexpected(state.error());
  tx.publish64(node->bucket.state_at(), state->without(cut.entries).word());
  tally(Change::entries_erased);
  return {};
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
    if (position == terminal_position) {  // N5
      const auto leaf = memory_.terminal(reference);
      return leaf ? count(1) : std::unexpected(leaf.error());
    }
    const auto node = memory_.node(reference);
    if (!node) return std::unexpected(node.error());
    if (node->is_inner()) {
      if (node->inner.prefix.empty()) return corrupt("an inner node has no byte", node->inner.offset);  // N4
      return enter(node->inner);
    }
    const auto live = count_live(tx_, *node);
    return live ? count(*live) : std::unexpected(live.error());
  }
  Expected<void> count(std::uint32_t keys) {
    keys_ += keys;
    if (keys_ > keys_max_) return corrupt("fewer keys are counted than there are", keys_max_);
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

namespace {

/// Entries of a bucket that a query reaches.
Expected<EntrySet> reached_entries(const Bucket& bucket, EntrySet live, std::string_view left, Reach reach) {
  const std::size_t shared = std::min(left.size(), bucket.prefix.size());
  if (left.substr(0, shared) != bucket.prefix.substr(0, shared)) return EntrySet{0};
  const std::string_view rest = left.substr(shared);
  if (reach == Reach::prefix) {
    EntrySet reached = 0;
    const bool whole = bucket.each_suffix(live, [&](std::uint32_t entry, std::string_view suffix) {
      if (suffix.starts_with(rest)) reached |= EntrySet{1} << entry;
    });
    return whole ? Expected<EntrySet>(reached) : corrupt("a suffix reaches beyond its bucket", bucket.offset);
  }
  if (shared < bucket.prefix.size()) return EntrySet{0};
  const std::uint32_t entry = bucket.find(live, rest);
  if (entry == Bucket::broken) return corrupt("a suffix reaches beyond its bucket", bucket.offset);
  return entry == Bucket::none ? EntrySet{0} : EntrySet{1} << entry;
}

/// The cut where the walk has come to keys.
Expected<Cut> cut_keys(const txn::Transaction& tx, const Descent& descent, const Node& node,
                       std::string_view left, Reach reach) {
  if (node.is_leaf()) {
    const std::string_view rest = node.leaf.rest;
    return (reach == Reach::key ? rest == left : rest.starts_with(left)) ? descent.cut() : Cut{};
  }
  const auto state = planned_state(tx, node.bucket);
  if (!state) return std::unexpected(state.error());
  const auto reached = reached_entries(node.bucket, state->live(), left, reach);
  if (!reached) return std::unexpected(reached.error());
  if (*reached == 0) return Cut{};
  return *reached == state->live() ? descent.cut() : descent.cut(*reached);
}

}  // namespace

Expected<Cut> locate_cut(const txn::Transaction& tx, const txn::Root& root, std::string_view query,
                         Reach reach) {
  Memory memory(tx);
  Descent descent(tx, root);
  const bool whole = reach == Reach::key;
  std::string_view left = query;
  for (bool below = false; descent.reference() != 0; below = true) {
    memory.foresee(descent.reference());
    const auto node = memory.node(descent.reference());
    if (!node) return std::unexpected(node.error());
    if (!node->is_inner()) return cut_keys(tx, descent, *node, left, reach);
    const Inner& inner = node->inner;
    if (below && inner.prefix.empty()) return corrupt("an inner node has no byte", inner.offset);  // N4
    if (!whole && inner.prefix.starts_with(left)) return descent.cut();
    if (!left.starts_with(inner.prefix)) return Cut{};
    left.remove_prefix(inner.prefix.size());
    const bool ends = left.empty();
    descent.enter(inner, ends ? terminal_position : inner.find(static_cast<unsigned char>(left.front())));
    if (ends && descent.reference() != 0)  // N5, else the walk would not end
      if (const auto leaf = memory.terminal(descent.reference()); !leaf) return std::unexpected(leaf.error());
  }
  return Cut{};
}

Expected<std::uint64_t> count_keys_of(const txn::Transaction& tx, const txn::Root& root, const Cut& cut) {
  if (cut.entries != 0) return static_cast<std::uint64_t>(std::popcount(cut.entries));
  Memory memory(tx);
  const auto node = memory.node(cut.subtree);
  if (!node) return std::unexpected(node.error());
  if (node->is_inner()) return Count(tx, tx.load64(root.key_count_at())).below(node->inner);
  const auto live = count_live(tx, *node);
  if (!live) return std::unexpected(live.error());
  return std::uint64_t{*live};
}

Expected<void> plan_erase(txn::Transaction& tx, const txn::Root& root, const Cut& cut, std::uint64_t keys) {
  const txn::Savepoint before(tx);
  const bool fitted = !tx.is_too_large();
  Memory memory(tx);
  const auto smaller =
      cut.entries != 0 ? plan_smaller_bucket(tx, memory, cut) : plan_smaller_owner(tx, memory, cut);
  const bool fits =
      !fitted || !tx.is_too_large();  // else stores are missing, and what is said then means nothing
  // Only want of room may be passed over, and a disk that answers otherwise when asked for some.
  if (fits && !smaller && smaller.error().code == Code::corrupt) return std::unexpected(smaller.error());
  if (!fits || !smaller || !*smaller) {
    before.restore();  // no room to tidy up, in the heap or in the record, or no reason; neither is needed
    RADISH_TRY(plan_null(tx, memory, cut));
  }
  if (cut.reference != cut.subtree) tally(Change::chain_cut);
  return txn::count_keys(tx, root, 0, keys);
}

}  // namespace radish::radix
