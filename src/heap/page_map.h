// Which pages below the frontier are free.
//
// Invariants
//   M1  A page's bit is set exactly while it is free; only pages of the heap below the frontier are.
//   M2  A word's bit in the summary's lower level is set exactly while the word is not zero; where
//       there is an upper level, so it is there with the words of the lower one.
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
inline constexpr std::size_t take_pages_stores = 8;
inline constexpr std::size_t give_pages_stores = 7;
inline constexpr std::size_t drop_pages_stores = 5;

/// A word as it is in the segment, whatever the plan says (M5).
[[nodiscard]] inline std::uint64_t load64_before_plan(const txn::Transaction& tx, Offset offset) {
  return sync::glance(*reinterpret_cast<const std::uint64_t*>(tx.segment().at(offset)));
}

/// Takes `count` pages in a row, on paper: free ones, else new ones at the frontier. `no_space`, or `full`,
/// which speaks of the capacity or, for more than one page, of their bytes.
[[nodiscard]] Expected<PageNumber> take_pages(txn::Transaction& tx, std::uint32_t count);
/// True of a `full` because so many pages in a row are nowhere to be had.
[[nodiscard]] constexpr bool is_about_run(const Fault& full) {
  return full.code == Code::full && full.subject < layout::capacity_bytes_min;
}
static_assert(layout::run_pages_max * layout::page_bytes < layout::capacity_bytes_min);
/// Gives pages back. `corrupt` if one is free already.
[[nodiscard]] Expected<void> give_pages(txn::Transaction& tx, PageNumber first, std::uint32_t count);
/// Lowers the frontier over free pages, those of one word of the map: as if they had never been used. How
/// many they are. The frontier is stored last, the backing stays (M4).
[[nodiscard]] Expected<std::uint32_t> drop_pages(txn::Transaction& tx);
/// True if the page lies in the heap, below the frontier.
[[nodiscard]] bool is_heap_page(const txn::Transaction& tx, std::uint64_t page);

}  // namespace radish::heap
