#include "radix/mutation.h"

#include "radix/condemned.h"
#include "radix/erase.h"
#include "radix/insert.h"
#include "radix/room.h"
#include "segment/twin.h"

namespace radish::radix {
namespace {

/// What follows is not in the file that the mark speaks of.
void clear_clean_mark(const segment::Segment& segment) {
  if (sync::glance(segment.roots().clean_mark) == 0) return;
  txn::Transaction tx(segment);
  tx.store64(txn::roots_word(segment, offsetof(layout::Roots, clean_mark)), 0);
  tx.commit();
}

/// The caller's deadline for making room; what was given back by then stays so.
bool is_over(const sync::Attachment& attachment, std::uint64_t start_ns) {
  const std::uint64_t timeout_ms = attachment.lock_timeout_ms();
  return timeout_ms != 0 && (Seam::now_ns() - start_ns) / 1'000'000 > timeout_ms;
}

/// W5: each turn frees a block for good, takes one out of a condemned node, or ends a list.
std::uint64_t turns_max(const segment::Segment& segment) {
  return 3 * Memory(segment).blocks_max() + segment.geometry().heap_pages;
}

/// W1 to W3, W5: `plan` is called until it has planned something or failed for good.
template <class Plan>
auto mutate(sync::Attachment& attachment, Plan plan) -> decltype(plan(std::declval<txn::Transaction&>())) {
  const auto writer = txn::Writer::acquire(attachment);
  if (!writer) return std::unexpected(writer.error());
  const segment::Segment& segment = writer->segment();
  clear_clean_mark(segment);
  for (std::uint64_t start_ns = 0, turns = 0;; ++turns) {
    txn::Transaction tx(segment);
    auto answer = plan(tx);
    if (answer && !tx.is_consistent()) return corrupt("the heap holds blocks that overlap");
    if (answer) {
      const bool took_pages = tx.stores64(txn::roots_word(segment, offsetof(layout::Roots, frontier))) ||
                              tx.stores64(txn::roots_word(segment, offsetof(layout::Roots, free_pages)));
      tx.commit();
      attachment.count_write();
      keep_house(*writer, took_pages);
      return answer;
    }
    if (!wants_room(answer.error().code)) return answer;
    if (broken(Twin::refused_plan_committed)) tx.commit();
    if (start_ns == 0) start_ns = Seam::now_ns();
    if (is_over(attachment, start_ns))
      return fault(Code::timed_out,
                   "room was still being made when the time was up; more of it is there now");
    if (turns > turns_max(segment)) return corrupt("room is made without end", turns);
    tx.reset();
    RADISH_TRY(make_room(*writer, answer.error()));
  }
}

/// What a mutation of one key does with what it finds: the value to be stored, or nothing.
template <class Decide>
Expected<Found> store(sync::Attachment& attachment, std::string_view key, Decide decide) {
  if (key.size() > layout::key_bytes_max)
    return fault(Code::too_long, "a key is longer than 65,535 bytes", key.size());
  return mutate(attachment, [&](txn::Transaction& tx) -> Expected<Found> {
    const segment::Segment& segment = tx.segment();
    const auto place = locate(segment, key);
    if (!place) return std::unexpected(place.error());
    if (place->stop != Place::Stop::found) {
      const std::optional<std::uint64_t> value = decide(std::nullopt);
      if (!value) return Found{};
      RADISH_TRY(plan_insert(tx, *place, key, *value));
      return Found{.stored = true};
    }
    const auto leaf = Memory(segment).leaf(place->reference);
    if (!leaf) return std::unexpected(leaf.error());
    const std::uint64_t before = sync::glance(*leaf->value);
    const std::optional<std::uint64_t> value = decide(before);
    if (value) txn::Transaction::store_alone(segment, leaf->value_offset(), *value);
    return Found{.stored = value.has_value(), .before = before};
  });
}

using Value = std::optional<std::uint64_t>;

/// Unlinks what the query reaches, and says how many keys went.
Expected<std::uint64_t> cut_off(sync::Attachment& attachment, std::string_view query, Reach reach) {
  return mutate(attachment, [&](txn::Transaction& tx) -> Expected<std::uint64_t> {
    const auto cut = locate_cut(tx.segment(), query, reach);
    if (!cut) return std::unexpected(cut.error());
    if (cut->reference == 0) return std::uint64_t{0};
    const auto keys = count_subtree(tx.segment(), cut->subtree);
    if (!keys) return keys;
    RADISH_TRY(plan_erase(tx, *cut, *keys));
    return keys;
  });
}

}  // namespace

Expected<Found> insert(sync::Attachment& attachment, std::string_view key, std::uint64_t value) {
  return store(attachment, key, [&](Value) -> Value { return value; });
}

Expected<Found> insert_new(sync::Attachment& attachment, std::string_view key, std::uint64_t value) {
  return store(attachment, key, [&](Value before) -> Value { return before ? std::nullopt : Value(value); });
}

Expected<Found> compare_exchange(sync::Attachment& attachment, std::string_view key, std::uint64_t expected,
                                 std::uint64_t desired) {
  if (key.size() > layout::key_bytes_max) return Found{};  // such a key is absent
  return store(attachment, key,
               [&](Value before) -> Value { return before == expected ? Value(desired) : std::nullopt; });
}

Expected<Found> fetch_add(sync::Attachment& attachment, std::string_view key, std::uint64_t delta) {
  return store(attachment, key, [&](Value before) -> Value { return before.value_or(0) + delta; });
}

Expected<std::uint64_t> erase(sync::Attachment& attachment, std::string_view key) {
  return cut_off(attachment, key, Reach::key);
}

Expected<std::uint64_t> erase_prefix(sync::Attachment& attachment, std::string_view prefix) {
  return cut_off(attachment, prefix, Reach::prefix);
}

Expected<void> clear(sync::Attachment& attachment) {
  return mutate(attachment, [](txn::Transaction& tx) { return plan_clear(tx); });
}

}  // namespace radish::radix
