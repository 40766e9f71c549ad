// The write-preferring lock: one writer word, a table of view holders, one futex.
//
// Invariants
//   K1  At most one living process owns the writer word, one thread of it at a time; it is taken from an
//       identity only when that is certainly dead.
//   K2  While a writer is past acquire_writer no stable view is held: each side announces itself, fences and
//   then
//       looks at the other (Dekker). There is no counter that a dead process could leave wrong.
//   K3  A new view yields to a writer that waits. A view that has waited 50 ms posts its identity in the turn
//       word; writers that see it stay out for at most 2 ms and clear it.
//   K4  Every wait ends after at most 2 ms to look at the holder's liveness. Sleepers count themselves in
//       Lease::waiters, which may over-count the killed and never under-counts.
#pragma once

#include "sync/attachment.h"

namespace radish::sync {

/// Becomes the owner of the writer word and waits until no view is held. True if the word was taken from a
/// dead process, whose record must then be replayed. `timed_out` names the living holder; `view_held` and
/// `reentrant` speak of the calling thread. A timeout of 0 is none.
[[nodiscard]] Expected<bool> acquire_writer(Attachment& attachment, ThreadState& state,
                                            std::uint64_t timeout_ms);
/// The writer word alone, whatever views are held: enough for what no view speaks of, such as the slots of
/// the dead. Whoever takes the word from a dead process and gives it back leaves an armed record for the
/// next.
[[nodiscard]] Expected<bool> acquire_writer_word(Attachment& attachment, ThreadState& state,
                                                 std::uint64_t timeout_ms);
void release_writer(Attachment& attachment, ThreadState& state);

enum class ViewEntry {
  entered,
  writer_died,  ///< nothing is held: recover, then enter again
};
/// Takes the shared side. Nests on one thread. `too_many_views` if the table stays full.
[[nodiscard]] Expected<ViewEntry> enter_view(Attachment& attachment, ThreadState& state,
                                             std::uint64_t timeout_ms);
void leave_view(Attachment& attachment, ThreadState& state);

}  // namespace radish::sync
