// The part of a segment in which blocks may lie, for whoever follows references: what does not lie in it
// whole is not read. The frontier only grows, so a stale one is looked at again before anything is refused.
#pragma once

#include <algorithm>

#include "segment/segment.h"
#include "sync/words.h"
#include "txn/transaction.h"

namespace radish::txn {

constexpr Offset offset_of(Reference reference) { return Offset{reference} * layout::reference_unit_bytes; }
constexpr Reference reference_to(Offset offset) {
  return static_cast<Reference>(offset / layout::reference_unit_bytes);
}

class Extent {
 public:
  explicit Extent(const segment::Segment& segment)
      : segment_(&segment), begin_(segment.geometry().heap_offset) {
    look_at_frontier();
  }
  /// With the pages that a plan takes.
  explicit Extent(const Transaction& tx)
      : segment_(&tx.segment()), begin_(tx.segment().geometry().heap_offset) {
    look_at_frontier(tx.load64(roots_word(tx.segment(), offsetof(layout::Roots, frontier))));
  }

  /// Where offset 0 lies.
  [[nodiscard]] const std::byte* base() const { return segment_->base(); }
  /// Null if so many bytes do not lie in the heap.
  [[nodiscard, gnu::always_inline]] const std::byte* bytes(Offset offset, std::uint64_t count) {
    if (offset < begin_) [[unlikely]]
      return nullptr;
    if (offset + count > end_) [[unlikely]] {
      look_at_frontier();
      if (offset + count > end_) return nullptr;
    }
    return segment_->base() + offset;
  }

  /// No more blocks of so many bytes than this can lie in the heap as it is now: what bounds walks that no
  /// key guides.
  [[nodiscard]] std::uint64_t blocks_max(std::uint64_t bytes) {
    look_at_frontier();
    return (end_ - begin_) / bytes;
  }

 private:
  void look_at_frontier() { look_at_frontier(sync::observe(segment_->roots().frontier)); }
  void look_at_frontier(std::uint64_t page) {
    const Offset end = std::min(page, segment_->geometry().pages()) * layout::page_bytes;
    end_ = std::max({end_, end, begin_});
  }

  const segment::Segment* segment_;
  Offset begin_;
  Offset end_ = 0;
};

}  // namespace radish::txn
