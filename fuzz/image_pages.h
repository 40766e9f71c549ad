// Bytes of a file that is mostly holes, without memory for the holes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fuzz/image_ground.h"

namespace radish::image {

/// Zeros, but for the pages that were asked for. A copy costs what those pages cost.
class Pages {
 public:
  /// The same bytes, and so many zeros behind them.
  Pages(std::span<const std::byte> bytes, std::size_t room_behind);
  Pages(const Pages& other);
  Pages(Pages&& other) noexcept;
  Pages& operator=(const Pages& other);
  Pages& operator=(Pages&& other) noexcept;
  ~Pages();

  /// Whoever asks may write up to the end of the page behind.
  [[nodiscard]] std::byte* at(layout::Offset offset) {
    const std::size_t page = offset / layout::page_bytes;
    used_[page] = used_[page + 1] = 1;
    return base_ + offset;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {base_, bytes_}; }
  /// What was asked for below `end`.
  [[nodiscard]] std::vector<Extent> extents(layout::Offset end) const;

 private:
  void map();

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<std::uint8_t> used_;  ///< by page; and one behind the last
};

}  // namespace radish::image
