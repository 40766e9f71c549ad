// Housekeeping by the owner of the writer word: giving back what no reader can reach (W2, W3 of mutation.h).
#pragma once

#include "txn/recovery.h"

namespace radish::radix {

/// True for the faults that making room may mend.
[[nodiscard]] constexpr bool wants_room(Code code) { return code == Code::full || code == Code::no_space; }

/// A bounded share of the work that is there, after a mutation. `took_pages`: the mutation made the heap's
/// use grow. What is corrupt in the heap is left for verify() and for the mutation that needs the room.
void keep_house(const txn::Writer& writer, bool took_pages);

/// Gives something back, or fails: with `wanted` if there is nothing more to give back, with `pinned` if a
/// living reader holds it back for longer than 2 ms, or at once if that is the caller's own read.
[[nodiscard]] Expected<void> make_room(const txn::Writer& writer, const Fault& wanted);

}  // namespace radish::radix
