#include "heap/room.h"

#include "heap/condemned.h"
#include "heap/figures.h"

namespace radish::heap {
namespace {

constexpr std::uint64_t pin_wait_ns = 2'000'000;  // a running lookup is over by then
constexpr std::uint64_t pin_look_ns = 100'000;
/// A mutation that takes a page looks at eight that wait for readers. Measured on a million random 8-byte
/// keys: one step leaves 34.4 bytes a key, two 29.6 at a tenth more time, four 27.4 at a sixth more.
constexpr std::uint32_t reclaim_steps_per_mutation = 2;
constexpr std::uint64_t epochs_between_sweeps = 64;

enum class Progress : std::uint8_t { freed, blocked, nothing };

std::uint64_t waiting_pages(const segment::Segment& segment) {
  return sync::glance(segment.roots().waiting_pages);
}

/// What is given back may overlap in a hostile heap.
Expected<void> commit_if_consistent(txn::Transaction& tx) {
  if (!tx.is_consistent()) return corrupt("the heap holds blocks that overlap");
  tx.commit();
  return {};
}

Expected<Progress> dismantle_once(const segment::Segment& segment, std::uint64_t oldest_pin_epoch) {
  if (!any_condemned(segment)) return Progress::nothing;
  txn::Transaction tx(segment);
  const auto result = dismantle_step(tx, oldest_pin_epoch);
  if (!result) return std::unexpected(result.error());
  RADISH_TRY(commit_if_consistent(tx));
  if (result->worked) return Progress::freed;
  return result->blocked ? Progress::blocked : Progress::nothing;
}

Expected<ReclaimResult> reclaim_once(const segment::Segment& segment, std::uint64_t oldest_pin_epoch) {
  txn::Transaction tx(segment);
  const auto result = reclaim_step(tx, oldest_pin_epoch);
  if (result) RADISH_TRY(commit_if_consistent(tx));
  return result;
}

/// Looks at the waiting pages, each once at most, until one gives something. Once one is blocked, until the
/// deadline: those looked at go to the tail, so the next round goes on where this one ends.
Expected<Progress> reclaim_round(const segment::Segment& segment, std::uint64_t oldest_pin_epoch,
                                 std::uint64_t deadline_ns) {
  Progress progress = Progress::nothing;
  const std::uint64_t steps = waiting_pages(segment) / reclaim_pages_per_step + 1;
  for (std::uint64_t step = 0; step < steps && waiting_pages(segment) != 0; ++step) {
    const auto result = reclaim_once(segment, oldest_pin_epoch);
    if (!result) return std::unexpected(result.error());
    if (result->slots_freed != 0) return Progress::freed;
    if (result->blocked) progress = Progress::blocked;
    if (progress == Progress::blocked && Seam::now_ns() > deadline_ns) break;
  }
  return progress;
}

/// Until something is free.
Expected<Progress> give_back_some(const segment::Segment& segment, std::uint64_t oldest_pin_epoch,
                                  std::uint64_t deadline_ns) {
  const auto dismantled = dismantle_once(segment, oldest_pin_epoch);
  if (!dismantled || *dismantled == Progress::freed) return dismantled;
  const auto reclaimed = reclaim_round(segment, oldest_pin_epoch, deadline_ns);
  if (!reclaimed || *reclaimed != Progress::nothing) return reclaimed;
  return dismantled;
}

/// Until nothing more can be, or the caller's deadline.
Expected<Progress> give_back_all(const segment::Segment& segment, std::uint64_t oldest_pin_epoch,
                                 std::uint64_t pin_deadline_ns, std::uint64_t deadline_ns) {
  bool freed = false;
  for (std::uint64_t turns = 0; turns <= room_turns_max(segment); ++turns) {
    const auto progress = give_back_some(segment, oldest_pin_epoch, pin_deadline_ns);
    if (!progress) return progress;
    if (*progress != Progress::freed) return freed ? Progress::freed : progress;
    freed = true;
    if (Seam::now_ns() > deadline_ns) return Progress::freed;
  }
  return corrupt("room is made without end", room_turns_max(segment));
}

/// A run of pages would be put into the first gap that is long enough, wherever that is, if all that can be
/// free were not free before: its likes would be strewn over the heap, with gaps between them that are too
/// short. And where the disk is full each plan asks it in vain.
bool wants_all(const Fault& wanted) { return wanted.code == Code::no_space || is_about_run(wanted); }

/// True if the pin was a dead process's and is gone.
bool sweep_if_dead(const txn::Writer& writer, const sync::OldestPin& pin) {
  if (pin.holder == 0 || !Seam::certainly_dead(pin.holder, writer.attachment().mapping())) return false;
  sync::sweep_dead_slots(writer.segment(), writer.attachment().mapping());
  return true;
}

/// Gives a reader time to leave, by a short sleep that a view which withdraws may end. `pinned` when it had
/// enough, or if it is the caller itself.
Expected<void> await_reader(const txn::Writer& writer, const sync::OldestPin& pin,
                            std::uint64_t deadline_ns) {
  if (sweep_if_dead(writer, pin)) return {};
  sync::note_pins_met(writer.segment());
  const bool own = writer.state().pin_depth != 0 || writer.attachment().reads_elsewhere(writer.state());
  if (own || Seam::now_ns() > deadline_ns)
    return fault(Code::pinned, "the room that there would be is held back by the reads of process",
                 sync::pid_of(pin.holder));
  const std::uint32_t& word = writer.segment().lease().wake_sequence;
  Seam::futex_wait(word, sync::glance(word), pin_look_ns);
  return {};
}

}  // namespace

std::uint64_t room_turns_max(const segment::Segment& segment) {
  const std::uint64_t pages = segment.geometry().heap_pages;
  return 3 * pages * (layout::page_bytes / slot_bytes_min) + pages;
}

void keep_house(const txn::Writer& writer, bool took_pages) {
  const segment::Segment& segment = writer.segment();
  const bool reclaim = took_pages && waiting_pages(segment) != 0;
  if (!reclaim && !any_condemned(segment)) return;
  const sync::OldestPin oldest = sync::oldest_pin(segment);
  // The mutation is done and stays done, whatever comes of this.
  const auto dismantled = dismantle_once(segment, oldest.epoch);
  if (dismantled && *dismantled == Progress::blocked) sync::note_pins_met(segment);
  if (!reclaim) return;
  bool blocked = false;
  for (std::uint32_t step = 0; step < reclaim_steps_per_mutation; ++step) {
    const auto result = reclaim_once(segment, oldest.epoch);
    blocked |= result && result->blocked;
  }
  if (blocked) sync::note_pins_met(segment);
  // Now and then: a reader that was killed under its pin must not keep memory from being used again.
  if (blocked && sync::glance(segment.roots().epoch) % epochs_between_sweeps < reclaim_steps_per_mutation)
    (void)sweep_if_dead(writer, oldest);
}

Expected<void> make_room(const txn::Writer& writer, const Fault& wanted, std::uint64_t deadline_ns) {
  const segment::Segment& segment = writer.segment();
  const std::uint64_t pin_deadline_ns = Seam::now_ns() + pin_wait_ns;
  for (;;) {
    const sync::OldestPin oldest = sync::oldest_pin(segment);
    const auto progress = wants_all(wanted)
                              ? give_back_all(segment, oldest.epoch, pin_deadline_ns, deadline_ns)
                              : give_back_some(segment, oldest.epoch, pin_deadline_ns);
    if (!progress) return std::unexpected(progress.error());
    if (*progress == Progress::freed) return {};
    if (*progress == Progress::nothing) return std::unexpected(wanted);
    RADISH_TRY(await_reader(writer, oldest, pin_deadline_ns));
  }
}

Expected<void> tidy(const txn::Writer& writer, std::uint64_t deadline_ns) {
  for (;;) {
    const sync::OldestPin oldest = sync::oldest_pin(writer.segment());
    const auto progress = give_back_all(writer.segment(), oldest.epoch, 0, deadline_ns);
    if (!progress) return std::unexpected(progress.error());
    const bool goes_on =
        *progress == Progress::freed || (*progress == Progress::blocked && sweep_if_dead(writer, oldest));
    if (!goes_on || Seam::now_ns() > deadline_ns) return {};
  }
}

Expected<void> check_held_back(const txn::Writer& writer) {
  const segment::Segment& segment = writer.segment();
  const std::uint64_t bytes_max = writer.attachment().retired_bytes_max();
  if (bytes_max == 0 || waiting_pages(segment) * block_bytes_max <= bytes_max) return {};
  const std::uint64_t pin_deadline_ns = Seam::now_ns() + pin_wait_ns;
  for (;;) {
    const sync::OldestPin oldest = sync::oldest_pin(segment);
    if (oldest.holder == 0 || retired_bytes_beyond(segment, oldest.epoch, bytes_max) <= bytes_max) return {};
    RADISH_TRY(await_reader(writer, oldest, pin_deadline_ns));
  }
}

Expected<void> await_readers(const txn::Writer& writer, std::uint64_t epoch) {
  const std::uint64_t pin_deadline_ns = Seam::now_ns() + pin_wait_ns;
  for (;;) {
    const sync::OldestPin oldest = sync::oldest_pin(writer.segment());
    if (oldest.epoch > epoch) return {};
    RADISH_TRY(await_reader(writer, oldest, pin_deadline_ns));
  }
}

}  // namespace radish::heap
