#include "heap/condemned.h"

#include <cstring>

#include "heap/changes.h"
#include "segment/twin.h"

namespace radish::heap {
namespace {

using layout::Roots;
using txn::roots_word;

constexpr std::size_t ready = offsetof(Roots, condemned_ready);
constexpr std::size_t old = offsetof(Roots, condemned_old);
constexpr std::size_t young = offsetof(Roots, condemned_young);
constexpr std::size_t condemned_old_epoch = offsetof(Roots, condemned_old_epoch);
constexpr std::size_t condemned_young_epoch = offsetof(Roots, condemned_young_epoch);

Offset offset_of(Reference reference) { return Offset{reference} * layout::reference_unit_bytes; }
Offset link_at(Reference node) { return offset_of(node) + offsetof(layout::InnerHeader, link); }

/// The first bytes of a node that was cut off. `corrupt` unless they lie in the heap.
Expected<layout::InnerHeader> header_of(const txn::Transaction& tx, Reference node) {
  const Offset offset = offset_of(node);
  if (!is_heap_page(tx, offset / layout::page_bytes))
    return corrupt("a condemned node lies outside the heap", offset);
  layout::InnerHeader header{};
  std::memcpy(&header, tx.segment().at(offset), sizeof(std::uint32_t));  // the link is read through plans
  return header;
}

/// Where the references of an inner node lie. `corrupt` unless it lies in the heap whole.
Expected<layout::InnerShape> shape_of(const txn::Transaction& tx, Reference node) {
  const auto header = header_of(tx, node);
  if (!header) return std::unexpected(header.error());
  const auto shape = layout::inner_shape(*header);
  if (!shape) return corrupt("what was condemned is no inner node", offset_of(node));
  if (!is_heap_page(tx, (offset_of(node) + shape->bytes - 1) / layout::page_bytes))
    return corrupt("a condemned node reaches beyond the frontier", offset_of(node));
  return *shape;
}

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

/// D1: nodes come closer to being ready. The epoch moves on, so that readers from now on hold nothing back.
Expected<DismantleResult> promote(txn::Transaction& tx, Lists& lists, std::uint64_t oldest_pin_epoch) {
  DismantleResult result;
  const bool old_waits = lists.head(old) != 0 && lists.epoch(condemned_old_epoch) >= oldest_pin_epoch;
  if (lists.head(old) != 0 && !old_waits) {
    lists.move(old, ready);
    result.worked = true;
  }
  if (lists.head(young) == 0) {
    result.blocked = old_waits;
    return result;
  }
  const bool young_waits = lists.epoch(condemned_young_epoch) >= oldest_pin_epoch;
  if (!young_waits && lists.head(ready) == 0) {
    lists.move(young, ready);
    result.worked = true;
  } else if (lists.head(old) == 0) {
    lists.set_epoch(condemned_old_epoch, lists.epoch(condemned_young_epoch));
    lists.move(young, old);
    RADISH_TRY(advance_epoch(tx));
  }
  result.blocked = !result.worked;
  return result;
}

/// Takes one reference out of a node that no reader can reach.
Expected<void> give_back(txn::Transaction& tx, Lists& lists, Offset slot, Reference reference) {
  tx.store32(slot, 0);
  const auto header = header_of(tx, reference);
  if (!header) return std::unexpected(header.error());
  if (layout::is_leaf(header->kind)) return release(tx, offset_of(reference));
  RADISH_TRY(shape_of(tx, reference));
  lists.push(ready, reference);
  return {};
}

/// D2. The node leaves the list only when it holds nothing any more.
Expected<void> dismantle_head(txn::Transaction& tx, Lists& lists) {
  const Reference head = lists.head(ready);
  const auto shape = shape_of(tx, head);
  if (!shape) return std::unexpected(shape.error());
  const Reference next = tx.load32(link_at(head));
  std::uint32_t taken = 0;
  for (std::uint32_t index = 0; index < shape->references; ++index) {
    const Offset slot = offset_of(head) + shape->references_at + index * sizeof(Reference);
    const Reference reference = tx.load32(slot);
    if (reference == 0) continue;
    if (taken++ == dismantle_references_per_step) return {};
    RADISH_TRY(give_back(tx, lists, slot, reference));
  }
  if (lists.head(ready) != head) return {};  // children stand before it now: its turn comes again
  lists.set_head(ready, next);
  tally(Change::dismantled);
  return release(tx, offset_of(head));
}

void condemn(txn::Transaction& tx, Reference node) {
  Lists lists(tx);
  lists.push(young, node);
  const std::uint64_t epoch = lists.epoch(offsetof(Roots, epoch));
  if (lists.epoch(condemned_young_epoch) != epoch) lists.set_epoch(condemned_young_epoch, epoch);
}

}  // namespace

Expected<void> give_up(txn::Transaction& tx, Reference reference) {
  const auto header = header_of(tx, reference);
  if (!header) return std::unexpected(header.error());
  if (layout::is_leaf(header->kind)) {
    if (broken(Twin::erase_without_retirement)) return {};
    return retire(tx, offset_of(reference));
  }
  RADISH_TRY(shape_of(tx, reference));
  condemn(tx, reference);
  return {};
}

void condemn_unreachable(txn::Transaction& tx, Reference node) { Lists(tx).push(ready, node); }

Expected<void> reprieve(txn::Transaction& tx, Reference node) {
  Lists lists(tx);
  if (lists.head(ready) != node) return corrupt("a condemned node is not where it was put", offset_of(node));
  lists.set_head(ready, tx.load32(link_at(node)));
  tx.store32(link_at(node), 0);
  return {};
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

}  // namespace radish::heap
