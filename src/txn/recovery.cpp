#include "txn/recovery.h"

#include <algorithm>
#include <cstring>

#include "sync/words.h"

namespace radish::txn {
namespace {

using layout::page_bytes;
using sync::glance;
using sync::note;
using sync::observe;
using sync::publish;

/// Frontier or backing, by their offset in the roots, as the record leaves them: its entries may speak of
/// pages that it takes first.
std::uint64_t pages_after(const segment::Segment& segment, std::size_t field, std::uint32_t count) {
  const Offset word = roots_word(segment, field);
  std::uint64_t pages = glance(*reinterpret_cast<const std::uint64_t*>(segment.at(word)));
  for (std::uint32_t index = 0; index < count; ++index)
    if (glance(segment.record_entries()[index].target) == target_of(word, 8))
      pages = std::max(pages, glance(segment.record_entries()[index].value));
  return std::min(pages, segment.geometry().pages());
}

/// R3 for one entry.
bool entry_is_sound(const segment::Segment& segment, const layout::RecordEntry& entry,
                    std::uint64_t frontier) {
  const std::uint64_t target = glance(entry.target), value = glance(entry.value);
  const std::uint64_t width = target & 15, offset = target >> 4;
  if ((width != 4 && width != 8) || offset % width != 0) return false;
  if (width == 4 && value > UINT32_MAX) return false;
  if (offset < segment.geometry().roots_offset || offset + width > frontier * page_bytes) return false;
  const Offset word = offset & ~Offset{7};
  if (word == roots_word(segment, offsetof(layout::Roots, generation))) return false;
  if (word == roots_word(segment, offsetof(layout::Roots, frontier)) ||
      word == roots_word(segment, offsetof(layout::Roots, backed)))
    return width == 8 && value <= segment.geometry().pages();
  return true;
}

}  // namespace

Expected<std::uint32_t> check_record(const segment::Segment& segment) {
  const layout::Record& record = segment.record();
  // Pairs with the publishes in arm and arm_takeover.
  if (const std::uint64_t armed = observe(record.armed); armed != layout::armed_mark)
    return corrupt("the redo record's armed word is neither", armed);
  const std::uint32_t count = glance(record.entry_count);
  if (count > segment.geometry().record_entries)
    return corrupt("the redo record counts too many entries", count);
  const std::uint64_t generation = glance(segment.roots().generation);
  const std::uint64_t takeover = glance(record.takeover_generation);
  if (takeover != generation && takeover != generation + 1)
    return corrupt("the redo record's generation is not the next", takeover);
  const std::uint64_t frontier = pages_after(segment, offsetof(layout::Roots, frontier), count);
  for (std::uint32_t index = 0; index < count; ++index)
    if (!entry_is_sound(segment, segment.record_entries()[index], frontier))
      return corrupt("a redo entry points outside roots and heap", index);
  return count;
}

namespace {

void replay(const segment::Segment& segment, std::uint32_t count) {
  for (std::uint32_t index = 0; index < count; ++index) {
    const layout::RecordEntry& entry = segment.record_entries()[index];
    apply_entry(segment, glance(entry.target), glance(entry.value));
    if (broken(Twin::replay_consumes_record)) note(segment.record_entries()[index].value, std::uint64_t{0});
  }
}

/// R1: a takeover without a record to replay is a record of no entries.
void arm_takeover(const segment::Segment& segment) {
  layout::Record& record = segment.record();
  if (broken(Twin::takeover_armed_first)) publish(record.armed, layout::armed_mark);
  note(record.entry_count, 0U);
  note(record.takeover_generation, glance(segment.roots().generation) + 1);
  Seam::compiler_fence();
  publish(record.armed, layout::armed_mark);
  Seam::compiler_fence();
}

/// What twin T27 (opening arms what is there) does.
void arm_what_is_there(layout::Record& record, const layout::Roots& roots) {
  if (glance(record.armed) != 0) return;
  note(record.takeover_generation, glance(roots.generation) + 1);
  publish(record.armed, layout::armed_mark);
}

void beat_heart(layout::Lease& lease) { note(lease.heartbeat, Seam::wall_clock_ns()); }

/// While alone: nobody holds anything.
void clear_coordination(const segment::Segment& segment) {
  layout::Lease& lease = segment.lease();
  for (std::uint64_t& view : lease.views) note(view, std::uint64_t{0});
  note(lease.turn, std::uint64_t{0});
  note(lease.waiters, 0U);
  for (std::uint32_t index = 0; index < segment.geometry().reader_slots; ++index) {
    layout::Slot& slot = segment.slots()[index];
    constexpr layout::Slot free{};
    if (std::memcmp(&slot, &free, sizeof free) == 0) continue;  // untouched pages stay holes
    Seam::fill(reinterpret_cast<std::byte*>(&slot), &free, sizeof free);
  }
  note(lease.slots_high_water, 0U);
}

/// While alone. A sparse copy can have holes where an armed record makes pages count: on a full disk a store
/// there would end the process.
Expected<void> back_what_the_record_takes(const segment::Segment& segment) {
  if (observe(segment.record().armed) == 0) return {};
  const auto count = check_record(segment);  // a file that is refused is not grown
  if (!count) return std::unexpected(count.error());
  return segment.back_again(std::max(pages_after(segment, offsetof(layout::Roots, frontier), *count),
                                     pages_after(segment, offsetof(layout::Roots, backed), *count)));
}

/// Refuses the open and leaves the writer word as it must be found by the next one.
std::unexpected<Fault> give_up(layout::Lease& lease, sync::Identity writer, const Fault& why) {
  publish(lease.writer, writer);
  return std::unexpected(why);
}

/// R4. Nobody reads it meanwhile; a kill in between leaves an origin that its checksum belies.
void make_lease_anew(layout::Lease& lease, const layout::LeaseOrigin& origin) {
  layout::Lease fresh{};
  fresh.origin = origin;
  fresh.checksum = segment::lease_checksum(origin);
  fresh.opener = glance(lease.opener);
  fresh.writer = glance(lease.writer);
  Seam::fill(reinterpret_cast<std::byte*>(&lease), &fresh, sizeof fresh);
}

bool lease_is_ours(const layout::Lease& lease, const layout::LeaseOrigin& origin) {
  return lease.checksum == segment::lease_checksum(lease.origin) && lease.origin == origin;
}

bool any_left_over(const segment::Segment& segment, sync::Identity own) {
  const layout::Lease& lease = segment.lease();
  if (sync::is_left_over(observe(lease.writer), own)) return true;
  for (const std::uint64_t& view : lease.views)
    if (sync::is_left_over(observe(view), own)) return true;
  const std::uint32_t count = std::min(observe(lease.slots_high_water), segment.geometry().reader_slots);
  for (std::uint32_t index = 0; index < count; ++index)
    if (sync::is_left_over(observe(segment.slots()[index].owner), own)) return true;
  return false;
}

}  // namespace

Expected<bool> recover(const segment::Segment& segment, bool from_dead) {
  layout::Record& record = segment.record();
  const std::uint64_t armed = observe(record.armed);  // pairs with the publish in arm
  if (armed == 0 && !from_dead) return false;
  if (armed == 0) arm_takeover(segment);
  const auto count = check_record(segment);
  if (!count) return std::unexpected(count.error());
  replay(segment, *count);
  publish(segment.roots().generation,  // R2; observed by Tree::generation
          std::min(broken(Twin::takeover_counted_again) ? glance(segment.roots().generation) + 1
                                                        : glance(record.takeover_generation),
                   generation_max));
  beat_heart(segment.lease());
  Seam::compiler_fence();
  publish(record.armed, std::uint64_t{0});
  Seam::compiler_fence();
  return true;
}

namespace {

/// For the owner of the writer word: settles what a dead owner owes. True if it did anything. Nothing is owed
/// on a sealed segment; a corrupt record stays owed.
Expected<bool> settle_debt(const segment::Segment& segment, sync::ThreadState& state) {
  Expected<bool> recovered = false;
  if (broken(Twin::released_before_replay) && state.owes_takeover)
    publish(segment.lease().writer, sync::Identity{0});
  if (observe(segment.superblock().sealed) == 0)
    recovered = recover(segment, state.owes_takeover);
  else if (observe(segment.record().armed) != 0)
    recovered = corrupt("a sealed segment has an armed redo record");
  if (recovered) state.owes_takeover = false;
  return recovered;
}

/// Views of an earlier program of this very process: it does not come back.
void clear_left_over_views(layout::Lease& lease, sync::Identity own) {
  for (std::uint64_t& view : lease.views)
    if (const sync::Identity word = observe(view); sync::is_left_over(word, own))
      Seam::compare_exchange(view, word, sync::Identity{0});
}

/// Recovers under the writer word alone (see acquire_writer_word), so that living views hold nobody up; with
/// `left`, frees the slots that are left over too. True if a writer was recovered from.
Expected<bool> take_over(sync::Attachment& attachment, sync::ThreadState& state, bool left = false) {
  const segment::Segment& segment = attachment.segment();
  const auto from_dead = sync::acquire_writer_word(attachment, state, attachment.lock_timeout_ms());
  if (!from_dead) return from_dead;
  const auto recovered = settle_debt(segment, state);
  if (recovered && left) sync::sweep_dead_slots(segment, attachment.mapping());
  sync::hand_back_writer(attachment, state);
  return recovered;
}

/// What twin T11 (recovery before swap) does: it replays while the word names the dead still.
bool recover_ahead(sync::Attachment& attachment) {
  const sync::Identity holder = observe(attachment.segment().lease().writer);
  if (holder == 0 || !Seam::certainly_dead(holder, attachment.mapping())) return false;
  return recover(attachment.segment(), true).has_value();
}

/// Why a thread cannot have the lock that it holds through another handle.
std::unexpected<Fault> refuse_beside(const sync::ThreadState& other) {
  if (other.writes)
    return fault(Code::reentrant, "this thread is inside a mutation of this segment through another handle");
  return fault(Code::view_held, "this thread holds a stable view of the segment through another handle");
}

}  // namespace

Expected<Writer> Writer::acquire(sync::Attachment& attachment) {
  const segment::Segment& segment = attachment.segment();
  if (segment.read_only()) return fault(Code::read_only, "the segment was opened read-only");
  const auto state = attachment.thread_state();
  if (!state) return std::unexpected(state.error());
  if (const sync::ThreadState* other = attachment.held_elsewhere(**state)) return refuse_beside(*other);
  const bool too_early = broken(Twin::recovery_before_swap) && recover_ahead(attachment);
  const auto from_dead = sync::acquire_writer(attachment, **state, attachment.lock_timeout_ms());
  if (!from_dead) return std::unexpected(from_dead.error());
  if (too_early) (*state)->owes_takeover = false;
  Writer writer(attachment, **state);  // hands the word back on every way out from here
  const auto recovered = settle_debt(segment, **state);
  if (!recovered) return std::unexpected(recovered.error());
  if (observe(segment.superblock().sealed) != 0) return fault(Code::frozen, "the segment is frozen");
  writer.recovered_ = *recovered;
  return writer;
}

Expected<void> enter_view(sync::Attachment& attachment) {
  if (attachment.segment().read_only()) return {};
  const auto state = attachment.thread_state();
  if (!state) return std::unexpected(state.error());
  if (const sync::ThreadState* other = attachment.held_elsewhere(**state);
      other != nullptr && (*state)->view_depth == 0) {
    if (other->writes) return refuse_beside(*other);
    (*state)->view_depth = 1;
    (*state)->view_entry = other->view_entry;
    return {};
  }
  for (;;) {
    const auto entry = sync::enter_view(attachment, **state, attachment.lock_timeout_ms());
    if (!entry) return std::unexpected(entry.error());
    const bool armed = observe(attachment.segment().record().armed) != 0;  // pairs with arm and disarm
    if (*entry == sync::ViewEntry::entered && !armed) return {};
    if (*entry == sync::ViewEntry::entered) sync::leave_view(attachment, **state);
    // A writer died here.
    if (const auto recovered = take_over(attachment, **state); !recovered)
      return std::unexpected(recovered.error());
  }
}

void leave_view(sync::Attachment& attachment) {
  if (attachment.segment().read_only()) return;
  const auto state = attachment.thread_state();
  if (state && (*state)->view_depth != 0) sync::leave_view(attachment, **state);
}

Expected<Outcome> settle_alone(const segment::Segment& segment, sync::Identity own,
                               const layout::LeaseOrigin& origin, HealedCheck check) {
  layout::Lease& lease = segment.lease();
  const bool ours = lease_is_ours(lease, origin);
  const sync::Identity writer = observe(lease.writer);
  publish(lease.writer, own);  // nobody else is attached: no compare-and-swap to lose
  Seam::compiler_fence();
  if (const auto backed = back_what_the_record_takes(segment); !backed)
    return give_up(lease, writer, backed.error());
  if (broken(Twin::opening_arms_what_is_there) && writer != 0)
    arm_what_is_there(segment.record(), segment.roots());
  auto recovered = recover(segment, writer != 0);
  if (recovered && !ours) {
    if (const auto whole = check(segment); !whole)
      return give_up(lease, *recovered ? 0 : writer, whole.error());
    if (!*recovered) recovered = recover(segment, true);  // healing counts as a takeover
  }
  if (!recovered) return give_up(lease, writer, recovered.error());
  clear_coordination(segment);
  if (!ours) make_lease_anew(lease, origin);
  beat_heart(lease);
  Seam::compiler_fence();
  publish(lease.writer, sync::Identity{0});
  if (!ours) return Outcome::healed;
  return *recovered ? Outcome::recovered : Outcome::attached;
}

Expected<Outcome> settle_beside(sync::Attachment& attachment) {
  const segment::Segment& segment = attachment.segment();
  const layout::Lease& lease = segment.lease();
  if (lease.checksum != segment::lease_checksum(lease.origin))
    return corrupt("the lease is unreadable while others are attached");
  const auto state = attachment.thread_state();  // checks the namespace
  if (!state) return std::unexpected(state.error());
  const sync::Identity own = (*state)->identity;
  const bool left = any_left_over(segment, own);
  // In this order, so that a living writer at work is not taken for a record that nobody owns: pairs with
  // disarm, then with the release in hand_back_writer.
  const bool armed = observe(segment.record().armed) != 0;
  const sync::Identity writer_word = observe(lease.writer);
  const bool abandoned = writer_word == 0 ? armed : Seam::certainly_dead(writer_word, attachment.mapping());
  if (!left && !abandoned) return Outcome::attached;
  // Before any wait: to a writer that waits for such a view its holder lives, now that we map the segment.
  if (left) clear_left_over_views(segment.lease(), own);
  const auto recovered = take_over(attachment, **state, left);
  if (!recovered) return std::unexpected(recovered.error());
  return *recovered ? Outcome::recovered : Outcome::attached;
}

}  // namespace radish::txn
