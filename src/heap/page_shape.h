// What the first word of a page's header says, once it has been found sound.
#pragma once

#include <optional>

#include "heap/classes.h"

namespace radish::heap {

struct PageShape {
  layout::PageKind kind = layout::PageKind::slab;
  std::uint32_t size_class = 0;
  std::uint32_t pages = 1;

  /// None if no page in use starts like this.
  [[nodiscard]] static std::optional<PageShape> of(std::uint32_t first_word) {
    const PageShape shape{static_cast<layout::PageKind>(first_word & 0xff), first_word >> 8 & 0xff,
                          first_word >> 16};
    const bool slab =
        shape.kind == layout::PageKind::slab && shape.size_class < class_count && shape.pages == 1;
    const bool run = shape.kind == layout::PageKind::run && shape.size_class == 0 && shape.pages >= 1 &&
                     shape.pages <= layout::run_pages_max;
    return slab || run ? std::optional(shape) : std::nullopt;
  }

  [[nodiscard]] bool is_run() const { return kind == layout::PageKind::run; }
  [[nodiscard]] std::uint32_t slots() const { return is_run() ? 1 : slots_of(size_class); }
  [[nodiscard]] std::uint32_t slot_bytes() const {
    return is_run() ? run_bytes(pages) : class_bytes[size_class];
  }
  [[nodiscard]] std::uint32_t bitmap_words() const { return (slots() + 63) / 64; }
  /// None unless a slot starts so many bytes into the page.
  [[nodiscard]] std::optional<std::uint32_t> slot_at(std::uint32_t offset_in_page) const {
    if (offset_in_page < sizeof(layout::PageHeader)) return std::nullopt;
    const std::uint32_t body = offset_in_page - static_cast<std::uint32_t>(sizeof(layout::PageHeader));
    const std::uint32_t slot = body / slot_bytes();
    return slot * slot_bytes() == body && slot < slots() ? std::optional(slot) : std::nullopt;
  }
  /// True if blocks of so many bytes live in pages like this.
  [[nodiscard]] bool holds(std::uint64_t bytes) const {
    if (bytes > block_bytes_max) return false;
    return is_run() ? !fits_slab(bytes) && run_pages_of(bytes) == pages
                    : fits_slab(bytes) && class_of(bytes) == size_class;
  }
};

}  // namespace radish::heap
