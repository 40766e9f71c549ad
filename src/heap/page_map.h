// Which pages below the frontier are free.
//
// Invariants
//   M1  A page's bit is set exactly while it is free; only pages of the heap below the frontier are.
//   M2  A word's bit in the summary is set exactly while the word is not zero.
//   M3  Roots::free_pages is the number of bits set.
//   M4  heap start <= frontier <= backed <= pages of the capacity.
//   M5  A plan takes only what was free before it too: what it frees itself is in use until it is armed (X2).
#pragma once

#include "sync/words.h"
#include "txn/transaction.h"

namespace radish::heap {

using layout::Offset;
using layout::PageNumber;

/// Bounds on the stores of one call, for the sum that bounds an operation's record.
inline constexpr std::size_t take_pages_stores = 6;
inline constexpr std::size_t give_pages_stores = 5;

/// A word as it is in the segment, whatever the plan says (M5).
[[nodiscard]] inline std::uint64_t load64_before_plan(const txn::Transaction& tx, Offset offset) {
  return sync::glance(*reinterpret_cast<const std::uint64_t*>(tx.segment().at(offset)));
}

/// Takes `count` pages in a row, on paper: free ones, else new ones at the frontier. `full`, `no_space`.
[[nodiscard]] Expected<PageNumber> take_pages(txn::Transaction& tx, std::uint32_t count);
/// Gives pages back. `corrupt` if one is free already.
[[nodiscard]] Expected<void> give_pages(txn::Transaction& tx, PageNumber first, std::uint32_t count);
/// True if the page lies in the heap, below the frontier.
[[nodiscard]] bool is_heap_page(const txn::Transaction& tx, std::uint64_t page);

}  // namespace radish::heap
