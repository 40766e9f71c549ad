// Figures of the heap, for observers: racy while somebody writes, never out of bounds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "segment/segment.h"

namespace radish::heap {

struct Figures {
  std::uint64_t blocks;          ///< in use or retired
  std::uint64_t blocks_retired;  ///< of those: waiting for readers
  std::uint64_t pages_used;
  std::uint64_t pages_free;  ///< capacity that is left, free pages included
};
/// Never fails, looks at each page at most once, and at little more than twice as many as have a sound
/// header.
[[nodiscard]] Figures count_figures(const segment::Segment& segment);

/// For each epoch the bytes of the slots that a pin of it holds back (H5). What was condemned and not been
/// taken apart yet is not counted: nobody knows how much it is.
[[nodiscard]] std::vector<std::uint64_t> retired_bytes_since(const segment::Segment& segment,
                                                             std::span<const std::uint64_t> epochs);

/// For the owner of the writer word: the same of one epoch, along the list of waiting pages, until it is more
/// than `enough`.
[[nodiscard]] std::uint64_t retired_bytes_beyond(const segment::Segment& segment, std::uint64_t epoch,
                                                 std::uint64_t enough);

}  // namespace radish::heap
