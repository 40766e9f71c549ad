// The proof of the heap's partition.
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
  [[nodiscard]] Expected<void> check_level(std::uint64_t below, std::uint64_t words,
                                           std::uint64_t level) const;

  const segment::Segment* segment_;
  std::uint64_t first_page_;
  std::uint64_t frontier_;
  std::vector<SlotBits> counted_;  ///< by page, from the heap's first
  std::vector<bool> in_use_;       ///< by page: the header of a slab or run was found there
  std::array<std::uint64_t, class_count> partial_pages_{};
  std::uint64_t waiting_pages_ = 0;
  std::uint64_t free_pages_ = 0;
};

}  // namespace radish::heap
