#include "radix/condemned.h"

#include "radix/changes.h"

namespace radish::radix {
namespace {

using layout::Roots;
using txn::roots_word;

constexpr std::size_t ready = offsetof(Roots, condemned_ready);
constexpr std::size_t old = offsetof(Roots, condemned_old);
constexpr std::size_t young = offsetof(Roots, condemned_young);
constexpr std::size_t old_epoch = offsetof(Roots, condemned_old_epoch);
constexpr std::size_t young_epoch = offsetof(Roots, condemned_young_epoch);

Offset link_at(Reference node) { return offset_of(node) + offsetof(layout::InnerHeader, link); }

/// The words of the lists, as a transaction sees them.
class Lists {
 public:
  explicit Lists(txn::Transaction& tx) : tx_(tx) {}
  [[nodiscard]] Reference head(std::size_t list) const { return tx_.load32(roots_word(tx_.segment(), list)); }
  [[nodiscard]] std::uint64_t epoch(std::size_t word) const {
    return tx_.load64(roots_word(tx_.segment(), word));
  }
  void set_head(std::size_t list, Reference node) { tx_.store32(roots_word(tx_.segment(), list), node); }
  void set_epoch(std::size_t word, std::uint64_t value) {
    tx_.store64(roots_word(tx_.segment(), word), value);
  }
  void push(std::size_t list, Reference node) {
    tx_.store32(link_at(node), head(list));
    set_head(list, node);
  }
  void move(std::size_t from, std::size_t to) {
    set_head(to, head(from));
    set_head(from, 0);
  }

 private:
  txn::Transaction& tx_;
};

/// E3: nodes come closer to being ready. The epoch moves on, so that readers from now on hold nothing back.
Expected<DismantleResult> promote(txn::Transaction& tx, Lists& lists, std::uint64_t oldest_pin_epoch) {
  DismantleResult result;
  const bool old_waits = lists.head(old) != 0 && lists.epoch(old_epoch) >= oldest_pin_epoch;
  if (lists.head(old) != 0 && !old_waits) {
    lists.move(old, ready);
    result.worked = true;
  }
  if (lists.head(young) == 0) {
    result.blocked = old_waits;
    return result;
  }
  const bool young_waits = lists.epoch(young_epoch) >= oldest_pin_epoch;
  if (!young_waits && lists.head(ready) == 0) {
    lists.move(young, ready);
    result.worked = true;
  } else if (lists.head(old) == 0) {
    lists.set_epoch(old_epoch, lists.epoch(young_epoch));
    lists.move(young, old);
    RADISH_TRY(heap::advance_epoch(tx));
  }
  result.blocked = !result.worked;
  return result;
}

/// Takes one reference out of a node that no reader can reach.
Expected<void> give_back(txn::Transaction& tx, Memory& memory, Lists& lists, Offset slot,
                         Reference reference) {
  tx.store32(slot, 0);
  const auto node = memory.node(reference);
  if (!node) return std::unexpected(node.error());
  if (node->is_leaf) return heap::release(tx, offset_of(reference));
  lists.push(ready, reference);
  return {};
}

/// E4. The node leaves the list only when it holds nothing any more.
Expected<void> dismantle_head(txn::Transaction& tx, Lists& lists) {
  Memory memory(tx.segment());
  const Reference head = lists.head(ready);
  const auto node = memory.inner(head);
  if (!node) return std::unexpected(node.error());
  const Reference next = tx.load32(link_at(head));
  std::uint32_t taken = 0;
  for (Position position = 0; position < node->positions(); ++position) {
    const Reference reference = node->at(position);
    if (reference == 0) continue;
    if (taken++ == dismantle_references_per_step) return {};
    RADISH_TRY(give_back(tx, memory, lists, node->slot(position), reference));
  }
  if (lists.head(ready) != head) return {};  // children stand before it now: its turn comes again
  lists.set_head(ready, next);
  tally(Change::dismantled);
  return heap::release(tx, node->offset);
}

}  // namespace

void condemn(txn::Transaction& tx, Reference node) {
  Lists lists(tx);
  lists.push(young, node);
  const std::uint64_t epoch = lists.epoch(offsetof(Roots, epoch));
  if (lists.epoch(young_epoch) != epoch) lists.set_epoch(young_epoch, epoch);
}

bool any_condemned(const segment::Segment& segment) {
  const Roots& roots = segment.roots();
  return sync::glance(roots.condemned_ready) != 0 || sync::glance(roots.condemned_old) != 0 ||
         sync::glance(roots.condemned_young) != 0;
}

Expected<DismantleResult> dismantle_step(txn::Transaction& tx, std::uint64_t oldest_pin_epoch) {
  Lists lists(tx);
  if (lists.head(ready) != 0) {
    RADISH_TRY(dismantle_head(tx, lists));
    return DismantleResult{.worked = true};
  }
  return promote(tx, lists, oldest_pin_epoch);
}

}  // namespace radish::radix
