// Sizes of slots. A slab page is a header and slots of one size; what fits no slab takes a run of pages.
#pragma once

#include <array>
#include <cstdint>

#include "segment/layout.h"

namespace radish::heap {

inline constexpr std::uint32_t page_body_bytes = layout::page_bytes - sizeof(layout::PageHeader);
inline constexpr std::uint32_t slot_bytes_min = 16;

namespace detail {

/// Multiples of 8 to 128, of 16 to 256, then the largest slot for each number of slots a page, down to 2.
constexpr std::uint32_t next_class(std::uint32_t bytes) {
  if (bytes < 128) return bytes + 8;
  if (bytes < 256) return bytes + 16;
  return page_body_bytes / (page_body_bytes / bytes - 1) / 8 * 8;
}
constexpr std::uint32_t count_classes() {
  std::uint32_t count = 1;
  for (std::uint32_t bytes = slot_bytes_min; page_body_bytes / bytes > 2; bytes = next_class(bytes)) ++count;
  return count;
}

}  // namespace detail

inline constexpr std::uint32_t class_count = detail::count_classes();
static_assert(class_count <= layout::size_classes_max);

inline constexpr auto class_bytes = [] {
  std::array<std::uint32_t, class_count> sizes{};
  std::uint32_t bytes = slot_bytes_min;
  for (std::uint32_t& size : sizes) {
    size = bytes;
    if (&size != &sizes.back()) bytes = detail::next_class(bytes);
  }
  return sizes;
}();
static_assert(page_body_bytes / class_bytes[0] <= layout::bitmap_words * layout::bits_per_word);
static_assert(page_body_bytes / class_bytes[class_count - 1] == 2);

/// Smallest class whose slots hold so many bytes, in units of 8 bytes; class_count where none does.
inline constexpr auto class_by_units = [] {
  std::array<std::uint8_t, class_bytes[class_count - 1] / 8 + 1> table{};
  std::uint32_t size_class = 0;
  for (std::uint32_t units = 0; units < table.size(); ++units) {
    while (class_bytes[size_class] < units * 8) ++size_class;
    table[units] = static_cast<std::uint8_t>(size_class);
  }
  return table;
}();

inline constexpr auto class_slots = [] {
  std::array<std::uint32_t, class_count> slots{};
  for (std::uint32_t size_class = 0; size_class < class_count; ++size_class)
    slots[size_class] = page_body_bytes / class_bytes[size_class];
  return slots;
}();

constexpr bool fits_slab(std::uint64_t bytes) { return bytes <= class_bytes[class_count - 1]; }
constexpr std::uint32_t class_of(std::uint64_t bytes) { return class_by_units[(bytes + 7) / 8]; }
constexpr std::uint32_t slots_of(std::uint32_t size_class) { return class_slots[size_class]; }

/// What the slot of a run of so many pages holds.
constexpr std::uint32_t run_bytes(std::uint32_t pages) {
  return (pages - 1) * static_cast<std::uint32_t>(layout::page_bytes) + page_body_bytes;
}
constexpr std::uint32_t run_pages_of(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + sizeof(layout::PageHeader) + layout::page_bytes - 1) /
                                    layout::page_bytes);
}
/// No block is larger.
inline constexpr std::uint64_t block_bytes_max = run_bytes(layout::run_pages_max);

/// Word `index` of the bitmap with the lowest `slots` bits set.
constexpr std::uint64_t all_slots_word(std::uint32_t slots, std::uint32_t index) {
  const std::uint32_t before = index * 64;
  if (slots <= before) return 0;
  return slots - before >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (slots - before)) - 1;
}

}  // namespace radish::heap
