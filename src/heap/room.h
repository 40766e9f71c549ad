// Housekeeping by the owner of the writer word: giving back what no reader can reach (W2, W3 of mutate.h).
#pragma once

#include "txn/recovery.h"

namespace radish::heap {

/// True for the faults that making room may mend.
[[nodiscard]] constexpr bool wants_room(Code code) { return code == Code::full || code == Code::no_space; }

/// A bounded share of the work that is there, after a mutation. `took_pages`: the mutation made the heap's
/// use grow. What is corrupt in the heap is left for verify() and for the mutation that needs the room.
void keep_house(const txn::Writer& writer, bool took_pages);

/// Gives something back, or fails: with `wanted` if there is nothing more to give back, with `pinned` if a
/// living reader holds it back for longer than 2 ms, or at once if that is the caller's own read. Where a run
/// of pages is wanted, or disk, all that can be given back is, until the deadline.
[[nodiscard]] Expected<void> make_room(const txn::Writer& writer, const Fault& wanted,
                                       std::uint64_t deadline_ns);

/// Gives back what no reader holds back, until the deadline.
[[nodiscard]] Expected<void> tidy(const txn::Writer& writer, std::uint64_t deadline_ns);

/// `pinned` if readers hold back more room than the caller's handle allows, and do so for longer than 2 ms.
/// For an insertion that takes pages: what can do without room is not refused.
[[nodiscard]] Expected<void> check_held_back(const txn::Writer& writer);

/// Waits until every pin is greater than the epoch. `pinned` as above.
[[nodiscard]] Expected<void> await_readers(const txn::Writer& writer, std::uint64_t epoch);

/// W5: each turn of making room frees a block for good, takes one out of a condemned node, or ends a list.
[[nodiscard]] std::uint64_t room_turns_max(const segment::Segment& segment);

/// The caller's deadline for making room, which begins now.
[[nodiscard]] inline std::uint64_t room_deadline_ns(const txn::Writer& writer) {
  const std::uint64_t timeout_ms = writer.attachment().lock_timeout_ms();
  return timeout_ms == 0 ? UINT64_MAX : Seam::now_ns() + timeout_ms * 1'000'000;
}

}  // namespace radish::heap
