#include "heap/census.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "heap/heap.h"
#include "sync/words.h"

namespace radish::heap {
namespace {

using layout::bits_per_word;
using layout::page_bytes;
using layout::PageHeader;
using layout::Roots;
using segment::Segment;

std::uint64_t map_word(const Segment& segment, std::uint64_t index) {
  return sync::glance_at(segment, segment.geometry().page_map_offset + index * 8);
}

/// A header as it is at one moment for each of its words.
PageHeader read_header(const Segment& segment, std::uint64_t page) {
  std::array<std::uint64_t, sizeof(PageHeader) / 8> words;
  for (std::size_t index = 0; index < words.size(); ++index)
    words[index] = sync::glance_at(segment, page * page_bytes + index * 8);
  return std::bit_cast<PageHeader>(words);
}

std::optional<PageShape> shape_of(const PageHeader& header) {
  std::uint32_t first = 0;
  std::memcpy(&first, &header, sizeof first);
  return PageShape::of(first);
}

bool any_of(std::span<const std::uint64_t, layout::bitmap_words> bitmap) {
  return std::ranges::any_of(bitmap, [](std::uint64_t word) { return word != 0; });
}

/// M4, for a caller who must not trust it. Checked at every attach too: without it a census alone would read
/// out of bounds.
bool bounds_hold(const Roots& roots, const Segment& segment) {
  const std::uint64_t frontier = sync::glance(roots.frontier), backed = sync::glance(roots.backed);
  return segment.geometry().first_heap_page() <= frontier && frontier <= backed &&
         backed <= segment.geometry().pages();
}

template <class Word, std::size_t count>
bool all_zero(const Word (&words)[count]) {
  return std::ranges::all_of(words, [](Word word) { return word == 0; });
}

/// The epoch is checked at every attach too: here for whoever counts a heap alone.
Expected<void> check_roots(const Segment& segment) {
  const Roots& roots = segment.roots();
  const std::uint64_t epoch = sync::glance(roots.epoch);
  if (epoch == 0 || epoch > epoch_max) return corrupt("the epoch is out of bounds", epoch);
  if (roots.reserved0 != 0 || roots.reserved3 != 0 || !all_zero(roots.reserved1) ||
      !all_zero(roots.reserved2) || !all_zero(roots.reserved4))
    return corrupt("reserved bytes of the roots are not zero", segment.geometry().roots_offset);
  return {};
}

}  // namespace

struct Census::PageInUse {
  std::uint64_t number;
  PageShape shape;
  PageHeader header;

  [[nodiscard]] bool waits() const { return any_of(header.young) || any_of(header.old); }
  /// H2: a run's one slot is never free while the page is in use.
  [[nodiscard]] bool is_partial() const { return any_of(header.free); }
};

Census::Census(const Segment& segment)
    : segment_(&segment),
      first_page_(segment.geometry().first_heap_page()),
      frontier_(sync::glance(segment.roots().frontier)),
      counted_(frontier_ - first_page_),
      in_use_(frontier_ - first_page_) {}

Expected<Census> Census::begin(const Segment& segment) {
  if (!bounds_hold(segment.roots(), segment))
    return corrupt("frontier and backing lie outside the heap", sync::glance(segment.roots().frontier));
  return Census(segment);
}

bool Census::is_marked_free(std::uint64_t page) const {
  return (map_word(*segment_, page / bits_per_word) >> page % bits_per_word & 1) != 0;
}

Expected<Census::PageInUse> Census::open_page(std::uint64_t page) const {
  if (page < first_page_ || page >= frontier_) return corrupt("a page number lies outside the heap", page);
  const PageHeader header = read_header(*segment_, page);
  const auto shape = shape_of(header);
  if (!shape || shape->pages > frontier_ - page) return corrupt("a page in use has no sound header", page);
  return PageInUse{page, *shape, header};
}

Expected<void> Census::count_block(layout::Offset block, std::uint64_t bytes) {
  const auto page = open_page(block / page_bytes);
  if (!page) return corrupt("a block lies outside every page in use", block);
  const auto slot = page->shape.slot_at(static_cast<std::uint32_t>(block % page_bytes));
  if (!slot) return corrupt("a block does not start at a slot", block);
  if (!page->shape.holds(bytes)) return corrupt("a block lies in a page of another size", block);
  const std::uint32_t word = *slot / 64;
  const std::uint64_t bit = std::uint64_t{1} << *slot % 64;
  if (((page->header.free[word] | page->header.young[word] | page->header.old[word]) & bit) != 0)
    return corrupt("a block in use is marked free or retired", block);
  std::uint64_t& counted = counted_[page->number - first_page_][word];
  if ((counted & bit) != 0) return corrupt("a block is reached twice", block);
  counted |= bit;
  return {};
}

Expected<void> Census::finish() {
  RADISH_TRY(check_roots(*segment_));
  RADISH_TRY(walk_pages());
  RADISH_TRY(check_partial_lists());
  RADISH_TRY(check_waiting_list());
  RADISH_TRY(check_map());
  return check_summary();
}

Expected<void> Census::walk_pages() {
  for (std::uint64_t number = first_page_; number < frontier_;) {
    if (is_marked_free(number)) {
      RADISH_TRY(check_nothing_counted(number++));
      ++free_pages_;
      continue;
    }
    const auto page = open_page(number);
    if (!page) return std::unexpected(page.error());
    RADISH_TRY(check_page(*page));
    number += page->shape.pages;
  }
  return {};
}

Expected<void> Census::check_page(const PageInUse& page) {
  for (std::uint64_t inside = page.number + 1; inside < page.number + page.shape.pages; ++inside) {
    if (is_marked_free(inside)) return corrupt("a page of a run is marked free", inside);
    RADISH_TRY(check_nothing_counted(inside));
  }
  RADISH_TRY(check_slots(page));
  RADISH_TRY(check_links(page));
  in_use_[page.number - first_page_] = true;
  if (page.is_partial()) ++partial_pages_[page.shape.size_class];
  if (page.waits()) ++waiting_pages_;
  return {};
}

/// H1 and H4, word by word. Bits beyond the slots are in none of the four sets.
Expected<void> Census::check_slots(const PageInUse& page) const {
  const SlotBits& counted = counted_[page.number - first_page_];
  bool all_free = true;
  for (std::uint32_t word = 0; word < layout::bitmap_words; ++word) {
    const std::uint64_t slots = all_slots_word(page.shape.slots(), word);
    const std::uint64_t free = page.header.free[word], young = page.header.young[word];
    const std::uint64_t old = page.header.old[word], used = counted[word];
    if (((free | young | old) & ~slots) != 0) return corrupt("a bitmap names no slot", page.number);
    if ((free & (young | old)) != 0 || (young & old) != 0)
      return corrupt("a slot is free and retired, or retired twice", page.number);
    const std::uint64_t lost = slots & ~(free | young | old | used);
    if (lost != 0) {
      const auto slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(lost));
      return corrupt("a block in use is reached from nowhere",
                     page.number * page_bytes + sizeof(PageHeader) + slot * page.shape.slot_bytes());
    }
    all_free = all_free && free == slots;
  }
  return all_free ? corrupt("a page in use has free slots only", page.number) : Expected<void>{};
}

Expected<void> Census::check_links(const PageInUse& page) const {
  const PageHeader& header = page.header;
  if (!page.waits() && header.waiting_next != 0)
    return corrupt("a page without retired slots is linked into the waiting list", page.number);
  if (!page.is_partial() && (header.partial_next != 0 || header.partial_previous != 0))
    return corrupt("a page without free slots is linked into a partial list", page.number);
  const std::uint64_t epoch = sync::glance(segment_->roots().epoch);
  if (header.young_epoch > epoch ||
      header.old_epoch > epoch)  // with or without slots: reclaiming asks neither
    return corrupt("slots of a page were retired in an epoch to come", page.number);
  return {};
}

/// A block that was counted on a page that turns out to be free, or the inside of a run.
Expected<void> Census::check_nothing_counted(std::uint64_t page) const {
  if (any_of(counted_[page - first_page_]))
    return corrupt("a block lies outside every page in use", page * page_bytes);
  return {};
}

/// H2. As many pages as have to be there, each named by the next one as the one before it: so there is no
/// page twice.
Expected<void> Census::check_partial_list(std::uint32_t size_class) const {
  std::uint64_t previous = 0, number = sync::glance(segment_->roots().partial_head[size_class]);
  for (std::uint64_t count = 0; count < partial_pages_[size_class]; ++count) {
    if (number == 0) return corrupt("a page with free slots is not on its partial list", previous);
    const auto page = open_page(number);
    if (!page) return std::unexpected(page.error());
    if (!in_use_[number - first_page_] || page->shape.is_run() || page->shape.size_class != size_class ||
        !page->is_partial())
      return corrupt("a page is on a partial list where it does not belong", number);
    if (page->header.partial_previous != previous)
      return corrupt("a page on a partial list names another one as the one before it", number);
    previous = number;
    number = page->header.partial_next;
  }
  return number == 0 ? Expected<void>{} : corrupt("a partial list goes on behind its last page", number);
}

Expected<void> Census::check_partial_lists() const {
  for (std::uint32_t size_class = 0; size_class < class_count; ++size_class)
    RADISH_TRY(check_partial_list(size_class));
  for (std::uint32_t size_class = class_count; size_class < layout::size_classes_max; ++size_class)
    if (sync::glance(segment_->roots().partial_head[size_class]) != 0)
      return corrupt("there is a partial list of no class", size_class);
  return {};
}

/// H3. As many pages as have to be there, and then the end: so there is no page twice.
Expected<void> Census::check_waiting_list() const {
  const Roots& roots = segment_->roots();
  if (sync::glance(roots.waiting_pages) != waiting_pages_)
    return corrupt("the number of waiting pages is wrong", sync::glance(roots.waiting_pages));
  std::uint64_t last = 0, number = sync::glance(roots.waiting_head);
  for (std::uint64_t count = 0; count < waiting_pages_; ++count) {
    if (number == 0) return corrupt("a page with retired slots is not on the waiting list", last);
    const auto page = open_page(number);
    if (!page) return std::unexpected(page.error());
    if (!in_use_[number - first_page_] || !page->waits())
      return corrupt("a page is on the waiting list where it does not belong", number);
    last = number;
    number = page->header.waiting_next;
  }
  if (number != 0) return corrupt("the waiting list goes on behind its last page", number);
  if (sync::glance(roots.waiting_tail) != last)
    return corrupt("the waiting list's tail is not its last page", sync::glance(roots.waiting_tail));
  return {};
}

/// M1 outside the heap's pages, which walk_pages has seen, and M3.
Expected<void> Census::check_map() const {
  const std::uint64_t words = segment::page_map_words(segment_->geometry().capacity_bytes);
  std::uint64_t bits = 0;
  for (std::uint64_t index = 0; index < words; ++index)
    bits += static_cast<std::uint64_t>(std::popcount(map_word(*segment_, index)));
  if (bits != free_pages_) return corrupt("the page map marks pages outside the heap", bits);
  if (sync::glance(segment_->roots().free_pages) != bits)
    return corrupt("the number of free pages is wrong", sync::glance(segment_->roots().free_pages));
  return {};
}

/// M2 of one level: a bit for each of the `words` below, which begin at `below`.
Expected<void> Census::check_level(std::uint64_t below, std::uint64_t words, std::uint64_t level) const {
  for (std::uint64_t index = 0; index * bits_per_word < words; ++index) {
    std::uint64_t summary = 0;
    for (std::uint64_t bit = 0, word = index * bits_per_word; bit < bits_per_word && word < words;
         ++bit, ++word)
      summary |= std::uint64_t{map_word(*segment_, below + word) != 0} << bit;
    if (map_word(*segment_, level + index) != summary)
      return corrupt("the page map's summary is wrong",
                     segment_->geometry().page_map_offset + (level + index) * 8);
  }
  return {};
}

/// M2, and zeros from the summary to the heap.
Expected<void> Census::check_summary() const {
  const layout::Geometry& geometry = segment_->geometry();
  const std::uint64_t words = segment::page_map_words(geometry.capacity_bytes);
  const std::uint64_t lower_words = segment::page_map_lower_words(geometry.capacity_bytes);
  RADISH_TRY(check_level(0, words, words));
  if (segment::page_map_upper_words(geometry.capacity_bytes) != 0)
    RADISH_TRY(check_level(words, lower_words, words + lower_words));
  const std::uint64_t end = words + segment::page_map_summary_words(geometry.capacity_bytes);
  for (std::uint64_t index = end; index < (geometry.heap_offset - geometry.page_map_offset) / 8; ++index)
    if (map_word(*segment_, index) != 0)
      return corrupt("the page map's summary is wrong", geometry.page_map_offset + index * 8);
  return {};
}

}  // namespace radish::heap
