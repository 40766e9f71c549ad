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
      : segment_(&segment),
        base_(segment.base()),
        begin_(segment.geometry().heap_offset),
        end_(frontier_of(segment)) {}
  /// With the pages that a plan takes.
  explicit Extent(const Transaction& tx)
      : segment_(&tx.segment()),
        base_(segment_->base()),
        begin_(segment_->geometry().heap_offset),
        end_(end_of(*segment_, tx.load64(roots_word(*segment_, offsetof(layout::Roots, frontier))))) {}

  [[nodiscard]] const std::byte* base() const { return base_; }
  /// Null if so many bytes do not lie in the heap.
  [[nodiscard, gnu::always_inline]] const std::byte* bytes(Offset offset, std::uint64_t count) {
    return offset < begin_ || !reaches(offset, count) ? nullptr : base_ + offset;
  }
  /// The same of bytes that begin in the heap.
  [[nodiscard, gnu::always_inline]] bool reaches(Offset offset, std::uint64_t count) {
    if (offset + count <= end_) [[likely]]
      return true;
    end_ = std::max(end_, frontier_of(*segment_));
    return offset + count <= end_;
  }

  /// No more blocks of so many bytes than this can lie in the heap as it is now: what bounds walks that no
  /// key guides.
  [[nodiscard]] std::uint64_t blocks_max(std::uint64_t bytes) {
    end_ = std::max(end_, frontier_of(*segment_));
    return end_ < begin_ ? 0 : (end_ - begin_) / bytes;
  }

 private:
  static Offset end_of(const segment::Segment& segment, std::uint64_t page) {
    return std::min(page, segment.geometry().pages()) * layout::page_bytes;
  }
  static Offset frontier_of(const segment::Segment& segment) {
    return end_of(segment, sync::observe(segment.roots().frontier));
  }

  const segment::Segment* segment_;
  const std::byte* base_;
  Offset begin_;
  Offset end_;
};

}  // namespace radish::txn
