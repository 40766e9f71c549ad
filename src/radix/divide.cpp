#include "radix/divide.h"

#include <algorithm>
#include <array>
#include <bit>

#include "heap/changes.h"
#include "radix/build.h"

namespace radish::radix {
namespace {

using heap::Change;
using heap::tally;

/// Keys told apart by the byte behind what they share.
struct Division {
  std::size_t shared_bytes = 0;
  ItemSet ending = 0;  ///< the one that has no further byte, if any; hostile ones may be more
  ItemSet left = 0;
  ItemSet right = 0;  ///< those from `byte` on; none if the others have one byte in common
  unsigned char byte = 0;
};

unsigned char byte_at(const Items& items, std::uint32_t item, std::size_t at) {
  return static_cast<unsigned char>(items.content(item)[at]);
}

/// What an item takes in a bucket, about.
std::size_t weight_of(const Items& items, std::uint32_t item) { return items.content(item).size() + 11; }

/// The byte that divides them best; 0 if none does. Keys that come in ascending order leave full buckets
/// behind: where the newest is alone with the greatest byte, and nothing lies to the right, they part there.
unsigned char dividing_byte(const Items& items, ItemSet chosen, std::size_t at, bool rightmost) {
  std::array<std::size_t, 256> weights;  // of the bytes that are there
  std::array<std::uint64_t, 4> there{};  // a bit a byte
  std::size_t whole = 0;
  unsigned char greatest = 0;
  Items::each(chosen, [&](std::uint32_t item) {
    const unsigned char byte = byte_at(items, item, at);
    const std::uint64_t bit = std::uint64_t{1} << byte % 64;
    weights[byte] = ((there[byte / 64] & bit) != 0 ? weights[byte] : 0) + weight_of(items, item);
    there[byte / 64] |= bit;
    whole += weight_of(items, item);
    greatest = std::max(greatest, byte);
  });
  const std::uint32_t newest = items.count() - 1;
  const bool ascending = rightmost && (chosen >> newest & 1) != 0 && byte_at(items, newest, at) == greatest &&
                         weights[greatest] == weight_of(items, newest);
  if (ascending && weights[greatest] != whole) return greatest;
  unsigned char best = 0;
  std::size_t before = 0, best_difference = whole;
  for (unsigned word = 0; word < there.size(); ++word) {
    for (std::uint64_t left = there[word]; left != 0; left &= left - 1) {
      const unsigned byte = word * 64 + static_cast<unsigned>(std::countr_zero(left));
      before += weights[byte];
      const std::size_t behind = whole - before;
      const std::size_t difference = before < behind ? behind - before : before - behind;
      if (difference >= best_difference) continue;
      best_difference = difference;
      best = static_cast<unsigned char>(byte + 1);  // nothing is behind the greatest one
    }
  }
  return best;
}

Division divide_items(const Items& items, ItemSet chosen, bool rightmost) {
  Division division{.shared_bytes = items.common(chosen, 0)};
  const std::size_t at = division.shared_bytes;
  Items::each(chosen, [&](std::uint32_t item) {
    if (items.content(item).size() == at) division.ending |= ItemSet{1} << item;
  });
  const ItemSet others = chosen & ~division.ending;
  division.byte = dividing_byte(items, others, at, rightmost);
  Items::each(others, [&](std::uint32_t item) {
    const bool right = division.byte != 0 && byte_at(items, item, at) >= division.byte;
    (right ? division.right : division.left) |= ItemSet{1} << item;
  });
  return division;
}

/// What twin T13 (split in place) does: the old bucket holds what its left part does.
void shorten_in_place(txn::Transaction& tx, Memory& memory, const Place& place, Reference left) {
  const auto old = memory.node(place.reference), part = memory.node(left);
  if (!old || !part || !old->is_bucket() || !part->is_bucket() || part->bucket.bytes > old->bucket.bytes)
    return;
  tx.fill(old->bucket.offset, part->bucket.block, part->bucket.bytes);
}

/// V1: the parent of what is divided takes another child.
Expected<void> divide_below_owner(txn::Transaction& tx, Memory& memory, const Place& place,
                                  const Items& items, const Division& division) {
  const auto owner = memory.inner(place.owner);
  if (!owner) return std::unexpected(owner.error());
  Entries entries = live_entries(tx, *owner);
  const std::uint32_t index = entries.index_of(place.reference);
  RADISH_TRY(heap::retire(tx, owner->offset));  // P5
  const auto left = make_keys(tx, items, division.left, 0);
  if (!left) return std::unexpected(left.error());
  if (broken(Twin::split_in_place)) shorten_in_place(tx, memory, place, *left);
  const auto right = make_keys(tx, items, division.right, 0);
  if (!right) return std::unexpected(right.error());
  RADISH_TRY(entries.divide(index, division.byte, *right));
  entries.children[index] = *left;
  const auto made = make_inner(tx, {owner->prefix}, entries);
  if (!made) return std::unexpected(made.error());
  tx.publish32(place.owner_slot, *made);
  tally(Change::bucket_divided);
  return {};
}

/// V1: what they share becomes the prefix of a node of their own.
Expected<void> divide_below_node(txn::Transaction& tx, Memory& memory, const Place& place, const Items& items,
                                 const Division& division) {
  Entries entries;
  for (const ItemSet part : {division.left, division.right}) {
    if (part == 0) continue;
    const auto keys = make_keys(tx, items, part, division.shared_bytes);
    if (!keys) return std::unexpected(keys.error());
    if (broken(Twin::split_in_place) && part == division.left) shorten_in_place(tx, memory, place, *keys);
    entries.add(part == division.left ? 0 : division.byte, *keys);
  }
  if (division.ending != 0) {
    const auto leaf = make_keys(tx, items, division.ending, division.shared_bytes);
    if (!leaf) return std::unexpected(leaf.error());
    entries.terminal = *leaf;
    tally(Change::terminal_made);
  }
  const std::string_view shared = items.content(0).substr(0, division.shared_bytes);
  const auto made = make_inner(tx, {shared}, entries);
  if (!made) return std::unexpected(made.error());
  tx.publish32(place.slot, *made);
  tally(Change::node_made);
  return {};
}

/// Whether the division can be made: parts have room, and there are two, which hostile keys need not leave.
bool is_possible(const Items& items, const Division& division, bool by_owner) {
  const ItemSet other = by_owner ? division.right : division.right | division.ending;
  if (division.left == 0 || other == 0 || std::popcount(division.ending) > (by_owner ? 0 : 1)) return false;
  const std::size_t skip = by_owner ? 0 : division.shared_bytes;
  return fit_bucket(items, division.left, skip) &&
         (division.right == 0 || fit_bucket(items, division.right, skip));
}

/// Whether the parent has no child behind the one at the place.
Expected<bool> is_rightmost(Memory& memory, const Place& place) {
  if (place.owner == 0) return true;
  const auto owner = memory.inner(place.owner);
  if (!owner) return std::unexpected(owner.error());
  return place.slot == owner->slot(owner->positions() - 1);
}

/// A key that is refused in the end has divided nothing: what it needs itself must be there beside what the
/// division takes.
Expected<void> check_room_for(txn::Transaction& tx, std::string_view content) {
  const txn::Savepoint divided(tx);
  const auto room = heap::allocate(tx, leaf_bytes(content.size()));
  if (!room) return std::unexpected(room.error());
  divided.restore();
  return {};
}

}  // namespace

Expected<Insertion> divide(txn::Transaction& tx, Memory& memory, const Place& place, const Items& items,
                           ItemSet there) {
  const auto rightmost = is_rightmost(memory, place);
  if (!rightmost) return std::unexpected(rightmost.error());
  for (const ItemSet chosen : {items.all(), there}) {
    const Division division = divide_items(items, chosen, *rightmost);
    const bool by_owner = place.owner != 0 && division.shared_bytes == 0;
    if (!is_possible(items, division, by_owner)) continue;
    RADISH_TRY(by_owner ? divide_below_owner(tx, memory, place, items, division)
                        : divide_below_node(tx, memory, place, items, division));
    if (chosen == items.all()) return Insertion::done;
    RADISH_TRY(check_room_for(tx, items.content(items.count() - 1)));
    tally(Change::divided_ahead);
    return Insertion::divided;
  }
  return corrupt("a bucket's keys cannot be told apart", offset_of(place.reference));
}

}  // namespace radish::radix
