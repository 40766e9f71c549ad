// Counting the heap: the proof of its partition, and figures.
#pragma once

#include <array>
#include <vector>

#include "heap/page_shape.h"
#include "segment/segment.h"

namespace radish::heap {

/// Proof of the heap's partition (H1-H4, M1-M4), for a caller under a stable view: nobody writes. Every fault
/// names an offset or a page. The content is not trusted: what is walked is bounded by the frontier.
class Census {
 public:
  /// `corrupt` if frontier or backing are out of bounds (M4).
  [[nodiscard]] static Expected<Census> begin(const segment::Segment& segment);
  /// Counts one block in use of so many bytes: `corrupt` if it was counted before, no slot starts there, its
  /// page's class is not the class of so many bytes, or its bit says free or retired.
  [[nodiscard]] Expected<void> count_block(layout::Offset block, std::uint64_t bytes);
  /// After all blocks were counted: walks every page from heap start to the frontier and proves the partition
  /// byte for byte.
  [[nodiscard]] Expected<void> finish();

 private:
  using SlotBits = std::array<std::uint64_t, layout::bitmap_words>;
  struct PageInUse;

  explicit Census(const segment::Segment& segment);
  [[nodiscard]] bool is_marked_free(std::uint64_t page) const;
  [[nodiscard]] Expected<PageInUse> open_page(std::uint64_t page) const;
  [[nodiscard]] Expected<void> walk_pages();
  [[nodiscard]] Expected<void> check_page(const PageInUse& page);
  [[nodiscard]] Expected<void> check_slots(const PageInUse& page) const;
  [[nodiscard]] Expected<void> check_links(const PageInUse& page) const;
  [[nodiscard]] Expected<void> check_nothing_counted(std::uint64_t page) const;
  [[nodiscard]] Expected<void> check_partial_list(std::uint32_t size_class) const;
  [[nodiscard]] Expected<void> check_partial_lists() const;
  [[nodiscard]] Expected<void> check_waiting_list() const;
  [[nodiscard]] Expected<void> check_map() const;
  [[nodiscard]] Expected<void> check_summary() const;

  const segment::Segment* segment_;
  std::uint64_t first_page_;
  std::uint64_t frontier_;
  std::vector<SlotBits> counted_;  ///< by page, from the heap's first
  std::vector<bool> in_use_;       ///< by page: the header of a slab or run was found there
  std::array<std::uint64_t, class_count> partial_pages_{};
  std::uint64_t waiting_pages_ = 0;
  std::uint64_t free_pages_ = 0;
};

struct Figures {
  std::uint64_t blocks;          ///< in use or retired
  std::uint64_t blocks_retired;  ///< of those: waiting for readers
  std::uint64_t pages_used;
  std::uint64_t pages_free;  ///< capacity that is left, free pages included
};
/// Racy while somebody writes: never fails, never reads out of bounds, looks at each page at most once, and
/// at little more than twice as many as have a sound header.
[[nodiscard]] Figures count_figures(const segment::Segment& segment);

}  // namespace radish::heap
