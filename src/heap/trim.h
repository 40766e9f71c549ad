// Giving what is free at the heap's end back to the file system, so that a file takes what its content needs.
//
// Invariants
//   T1  A page goes back to the file system only when it lies behind the backing, by a transaction that is
//       committed: whoever wants it again has it promised again (M4).
//   T2  The frontier comes down over free pages alone, in bounded transactions that take them out of the map
//       too (M1 to M3). The backing follows when that is done.
//   T3  A transaction that lowers either advances the epoch first. So who finds roots that contradict each
//       other, and an epoch that has not moved meanwhile, has found a corrupt segment.
//   T4  Pages go back when every pin is greater than the epoch in which the frontier came down: no
//       reader goes by a higher one, and what lies behind it may be a hole that the file system has no
//       room for.
//   T5  All of it is done by the owner of the writer word: nobody takes pages meanwhile. A death leaves pages
//       behind the backing that take room in the file; so does one of 2 MiB that the kernel does not split,
//       or makes meanwhile for somebody who opens. They hold nothing; the next trim gives them back.
#pragma once

#include "sync/attachment.h"

namespace radish::heap {

/// Frees what no reader holds back, then gives the free pages behind the last one in use to the file system;
/// how many bytes the file takes less. `pinned` if a living reader keeps some of it for longer than 2 ms, or
/// what keeps the caller from becoming the writer. What is not done by the lock's deadline is left for the
/// next trim.
[[nodiscard]] Expected<std::uint64_t> trim(sync::Attachment& attachment);

}  // namespace radish::heap
