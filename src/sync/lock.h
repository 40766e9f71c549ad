// The write-preferring lock: one writer word, a table of view holders, one futex.
//
// Invariants
//   K1  At most one living process owns the writer word, one thread of it at a time; it is taken from an
//       identity only when that is certainly dead. Who gives the word back without having recovered leaves
//       `owed_takeover` in it, so that no takeover is lost.
//   K2  While a writer is past acquire_writer no stable view is held: each side announces itself, fences and
//       then looks at the other (Dekker). There is no counter that a dead process could leave wrong.
//   K3  A new view yields to a writer that waits. A view that has waited 50 ms posts its identity in the turn
//       word; writers that see it when they could take the writer word stay out, 2 ms and a sleep at most,
//       and clear it.
//   K4  Every wait ends after at most 2 ms, the first ones sooner, to look at the holder's liveness; a look
//       comes before the first sleep. Sleepers count themselves in Lease::waiters, which may over-count the
//       killed and never under-counts.
//   K5  A process that lives but does not map the segment has exec'ed, or has closed its last handle and may
//       open it again under the same name. From it a word is taken only while opens are shut out, so that
//       between the look at its mappings and the swap it cannot be back.
#pragma once

#include <optional>

#include "sync/attachment.h"

namespace radish::sync {

/// Becomes the owner of the writer word and waits until no view is held. True if the word was taken from a
/// dead process, whose record must then be replayed. `timed_out` names the living holder; `view_held` and
/// `reentrant` speak of the calling thread. A timeout of 0 is none.
[[nodiscard]] Expected<bool> acquire_writer(Attachment& attachment, ThreadState& state,
                                            std::uint64_t timeout_ms);
/// The writer word alone, whatever views are held: enough for what no view speaks of, such as the slots of
/// the dead. Enough for a takeover too: no view is held while a record of stores is armed, and a takeover
/// without one changes nothing that a view speaks of.
[[nodiscard]] Expected<bool> acquire_writer_word(Attachment& attachment, ThreadState& state,
                                                 std::uint64_t timeout_ms);
/// What the writer word holds when its takeover is owed: nobody's identity, which everybody finds dead. Not
/// that of the dead owner: if it has exec'ed and attached again meanwhile it lives under another one, and
/// only itself could tell.
inline constexpr Identity owed_takeover = make_identity(0, 0, 1);

/// Once whatever a dead owner left has been recovered.
void release_writer(Attachment& attachment, ThreadState& state);
/// Leaves the word free, or marked if the takeover from its dead owner is owed still.
void hand_back_writer(Attachment& attachment, ThreadState& state);

/// Takes words from the dead (K5), for as long as one look at a table of them lasts: it may keep opens out
/// till its end.
class Heir {
 public:
  Heir(const segment::Segment& segment, const MappingKey& mapping) : segment_(segment), mapping_(mapping) {}
  /// Asks once for many words in a row of one living process.
  [[nodiscard]] bool finds_dead(Identity identity);
  /// Puts this process in the place of one that was found dead; false if that failed: to be looked at again
  /// later. Where the door cannot be shut (an open in progress that does not end, no right to reopen the
  /// file) what is left is to look again after the swap and to give back. Two things are then open, both only
  /// if the other detaches, attaches and takes the word between a look and a swap: a taker that is killed
  /// before it has given back leaves the word to itself, dead; and another thread of the taker's process that
  /// gets the word meanwhile bears the same name.
  [[nodiscard]] bool take(Identity& word, Identity dead);

 private:
  const segment::Segment& segment_;
  const MappingKey& mapping_;
  Identity alive_ = 0;
  Identity ended_ = 0;  ///< does not come back
  std::optional<Expected<segment::ShutDoor>> door_;
};

enum class ViewEntry {
  entered,
  writer_died,  ///< nothing is held: recover, then enter again
};
/// Takes the shared side. Nests on one thread. `too_many_views` if the table stays full for 100 ms, or to the
/// deadline.
[[nodiscard]] Expected<ViewEntry> enter_view(Attachment& attachment, ThreadState& state,
                                             std::uint64_t timeout_ms);
/// Gives the entry back, unless another of the thread's states shares it (A6).
void leave_view(Attachment& attachment, ThreadState& state);

}  // namespace radish::sync
