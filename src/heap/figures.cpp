#include "heap/figures.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "heap/page_shape.h"
#include "sync/words.h"

namespace radish::heap {
namespace {

using layout::bits_per_word;
using layout::page_bytes;
using layout::PageHeader;
using segment::Segment;

std::uint64_t frontier_of(const Segment& segment) {
  return std::clamp(sync::observe(segment.roots().frontier), segment.geometry().first_heap_page(),
                    segment.geometry().pages());
}

bool is_marked_free(const Segment& segment, std::uint64_t page) {
  const std::uint64_t word =
      sync::glance_at(segment, segment.geometry().page_map_offset + page / bits_per_word * 8);
  return (word >> page % bits_per_word & 1) != 0;
}

struct PageInUse {
  PageShape shape;
  PageHeader header;
};

using HeaderWords = std::array<std::uint64_t, sizeof(PageHeader) / 8>;

std::optional<PageInUse> page_of(const HeaderWords& words) {
  const auto shape = PageShape::of(static_cast<std::uint32_t>(words[0]));
  if (!shape) return std::nullopt;
  return PageInUse{*shape, std::bit_cast<PageHeader>(words)};
}

/// A page as it is at one moment for each of its words, if it has a sound header. For the writer, before whom
/// no page goes away.
std::optional<PageInUse> look_at(const Segment& segment, std::uint64_t page) {
  HeaderWords words;
  for (std::size_t index = 0; index < words.size(); ++index)
    words[index] = sync::glance_at(segment, page * page_bytes + index * 8);
  return page_of(words);
}

/// The same for observers, who have no pin: trimming may take the page from under them, and on a full disk a
/// look at a hole in the mapping would end the process. Read from the file, a hole is zeros.
std::optional<PageInUse> observe_page(const Segment& segment, std::uint64_t page) {
  HeaderWords words{};
  const auto at = static_cast<off_t>(page * page_bytes);
  if (pread(segment.descriptor(), words.data(), sizeof words, at) != sizeof words) return std::nullopt;
  return page_of(words);
}

/// Pages without a sound header that figures put up with: a block of pages that a writer takes apart
/// meanwhile shows no more than its own.
constexpr std::uint64_t unsound_pages_max = 1024;

/// Calls `visit` with each page in use. The frontier may come down meanwhile: what lies behind it is not
/// looked at any more.
template <class Visit>
void each_page_in_use(const Segment& segment, Visit visit) {
  std::uint64_t sound = 0, unsound = 0;
  for (std::uint64_t page = segment.geometry().first_heap_page(); page < frontier_of(segment);) {
    if (is_marked_free(segment, page)) {
      ++page;
      continue;
    }
    const auto found = observe_page(segment, page);
    if (!found) {
      // Holes, as many as a frontier claims; each look at one is a page in memory.
      if (++unsound > unsound_pages_max + sound) break;
      ++page;
      continue;
    }
    ++sound;
    visit(*found);
    page += found->shape.pages;
  }
}

std::uint64_t count_slots(const PageInUse& page, const std::uint64_t (&bitmap)[layout::bitmap_words]) {
  std::uint64_t count = 0;
  for (std::uint32_t word = 0; word < layout::bitmap_words; ++word) {
    const std::uint64_t slots = all_slots_word(page.shape.slots(), word) & ~page.header.free[word];
    count += static_cast<std::uint64_t>(std::popcount(bitmap[word] & slots));
  }
  return count;
}

std::uint64_t retired_bytes(const PageInUse& page, std::uint64_t since_epoch) {
  std::uint64_t slots = 0;
  if (page.header.young_epoch >= since_epoch) slots += count_slots(page, page.header.young);
  if (page.header.old_epoch >= since_epoch) slots += count_slots(page, page.header.old);
  return slots * page.shape.slot_bytes();
}

}  // namespace

Figures count_figures(const Segment& segment) {
  const std::uint64_t first = segment.geometry().first_heap_page(), frontier = frontier_of(segment);
  const std::uint64_t free = std::min(sync::glance(segment.roots().free_pages), frontier - first);
  Figures figures{0, 0, frontier - first - free, segment.geometry().pages() - frontier + free};
  each_page_in_use(segment, [&](const PageInUse& page) {
    constexpr std::uint64_t all[layout::bitmap_words] = {~0UL, ~0UL, ~0UL, ~0UL};
    figures.blocks += count_slots(page, all);
    figures.blocks_retired += count_slots(page, page.header.young) + count_slots(page, page.header.old);
  });
  return figures;
}

std::vector<std::uint64_t> retired_bytes_since(const Segment& segment,
                                               std::span<const std::uint64_t> epochs) {
  std::vector<std::uint64_t> bytes(epochs.size());
  each_page_in_use(segment, [&](const PageInUse& page) {
    for (std::size_t index = 0; index < epochs.size(); ++index)
      bytes[index] += retired_bytes(page, epochs[index]);
  });
  return bytes;
}

std::uint64_t retired_bytes_beyond(const Segment& segment, std::uint64_t epoch, std::uint64_t enough) {
  std::uint64_t bytes = 0, number = sync::glance(segment.roots().waiting_head);
  const std::uint64_t waiting = sync::glance(segment.roots().waiting_pages);
  for (std::uint64_t count = 0; count < waiting && bytes <= enough; ++count) {
    if (number < segment.geometry().first_heap_page() || number >= frontier_of(segment)) break;
    const auto page = look_at(segment, number);
    if (!page) break;  // whoever reclaims it says what is wrong
    bytes += retired_bytes(*page, epoch);
    number = page->header.waiting_next;
  }
  return bytes;
}

}  // namespace radish::heap
