#include "radix/room.h"

#include "heap/heap.h"
#include "radix/condemned.h"

namespace radish::radix {
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

Expected<heap::ReclaimResult> reclaim_once(const segment::Segment& segment, std::uint64_t oldest_pin_epoch) {
  txn::Transaction tx(segment);
  const auto result = heap::reclaim_step(tx, oldest_pin_epoch);
  if (result) RADISH_TRY(commit_if_consistent(tx));
  return result;
}

/// Looks at the waiting pages, each once at most, until one gives something. Once one is blocked, until the
/// deadline: those looked at go to the tail, so the next round goes on where this one ends.
Expected<Progress> reclaim_round(const segment::Segment& segment, std::uint64_t oldest_pin_epoch,
                                 std::uint64_t deadline_ns) {
  Progress progress = Progress::nothing;
  const std::uint64_t steps = waiting_pages(segment) / heap::reclaim_pages_per_step + 1;
  for (std::uint64_t step = 0; step < steps && waiting_pages(segment) != 0; ++step) {
    const auto result = reclaim_once(segment, oldest_pin_epoch);
    if (!result) return std::unexpected(result.error());
    if (result->slots_freed != 0) return Progress::freed;
    if (result->blocked) progress = Progress::blocked;
    if (progress == Progress::blocked && Seam::now_ns() > deadline_ns) break;
  }
  return progress;
}

Expected<Progress> give_back(const segment::Segment& segment, std::uint64_t oldest_pin_epoch,
                             std::uint64_t deadline_ns) {
  const auto dismantled = dismantle_once(segment, oldest_pin_epoch);
  if (!dismantled || *dismantled == Progress::freed) return dismantled;
  const auto reclaimed = reclaim_round(segment, oldest_pin_epoch, deadline_ns);
  if (!reclaimed || *reclaimed != Progress::nothing) return reclaimed;
  return dismantled;
}

/// True if the pin was a dead process's and is gone.
bool sweep_if_dead(const txn::Writer& writer, const sync::OldestPin& pin) {
  if (pin.holder == 0 || !Seam::certainly_dead(pin.holder, writer.attachment().mapping())) return false;
  sync::sweep_dead_slots(writer.segment(), writer.attachment().mapping());
  return true;
}

/// A short sleep between two looks at the pins; a view that withdraws may end it.
void rest(const segment::Segment& segment) {
  const std::uint32_t& word = segment.lease().wake_sequence;
  Seam::futex_wait(word, sync::glance(word), pin_look_ns);
}

}  // namespace

void keep_house(const txn::Writer& writer, bool took_pages) {
  const segment::Segment& segment = writer.segment();
  const bool reclaim = took_pages && waiting_pages(segment) != 0;
  if (!reclaim && !any_condemned(segment)) return;
  const sync::OldestPin oldest = sync::oldest_pin(segment);
  // The mutation is done and stays done, whatever comes of this.
  (void)dismantle_once(segment, oldest.epoch);
  if (!reclaim) return;
  bool blocked = false;
  for (std::uint32_t step = 0; step < reclaim_steps_per_mutation; ++step) {
    const auto result = reclaim_once(segment, oldest.epoch);
    blocked |= result && result->blocked;
  }
  // Now and then: a reader that was killed under its pin must not keep memory from being used again.
  if (blocked && sync::glance(segment.roots().epoch) % epochs_between_sweeps < reclaim_steps_per_mutation)
    (void)sweep_if_dead(writer, oldest);
}

Expected<void> make_room(const txn::Writer& writer, const Fault& wanted) {
  const segment::Segment& segment = writer.segment();
  const std::uint64_t deadline_ns = Seam::now_ns() + pin_wait_ns;
  for (;;) {
    const sync::OldestPin oldest = sync::oldest_pin(segment);
    const auto progress = give_back(segment, oldest.epoch, deadline_ns);
    if (!progress) return std::unexpected(progress.error());
    if (*progress == Progress::freed) return {};
    if (*progress == Progress::nothing) return std::unexpected(wanted);
    if (sweep_if_dead(writer, oldest)) continue;
    if (writer.state().pin_depth != 0 || Seam::now_ns() > deadline_ns)
      return fault(Code::pinned, "the room that there would be is held back by the reads of process",
                   sync::pid_of(oldest.holder));
    rest(segment);
  }
}

}  // namespace radish::radix
