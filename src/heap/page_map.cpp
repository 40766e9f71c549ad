#include "heap/page_map.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace radish::heap {
namespace {

using layout::bits_per_word;
using layout::page_bytes;
using txn::roots_word;

/// The file system is asked for this many pages at once, less near the end.
constexpr std::uint64_t backing_step_pages = 64;

struct MapView {
  explicit MapView(txn::Transaction& transaction) : tx(transaction), segment(transaction.segment()) {
    words = segment::page_map_words(segment.geometry().capacity_bytes);
    summary_words = segment::page_map_summary_words(segment.geometry().capacity_bytes);
  }
  [[nodiscard]] Offset word_at(std::uint64_t index) const {
    return segment.geometry().page_map_offset + index * 8;
  }
  [[nodiscard]] Offset summary_at(std::uint64_t index) const { return word_at(words + index); }
  [[nodiscard]] std::uint64_t word(std::uint64_t index) const { return tx.load64(word_at(index)); }
  /// M5
  [[nodiscard]] std::uint64_t word_to_take(std::uint64_t index) const {
    return word(index) & load64_before_plan(tx, word_at(index));
  }
  void set_word(std::uint64_t index, std::uint64_t value) const {
    const std::uint64_t before = word(index);
    tx.store64(word_at(index), value);
    if ((before == 0) == (value == 0)) return;
    const Offset summary = summary_at(index / bits_per_word);
    tx.store64(summary, tx.load64(summary) ^ std::uint64_t{1} << index % bits_per_word);  // M2
  }

  txn::Transaction& tx;
  const segment::Segment& segment;
  std::uint64_t words;
  std::uint64_t summary_words;
};

/// Bits of one map word that belong to the pages [first, first + count).
std::uint64_t mask_of(std::uint64_t index, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t begin = std::max(first, index * bits_per_word) - index * bits_per_word;
  const std::uint64_t end = std::min(first + count, (index + 1) * bits_per_word) - index * bits_per_word;
  const std::uint64_t below_end = end == bits_per_word ? ~std::uint64_t{0} : (std::uint64_t{1} << end) - 1;
  return below_end & ~((std::uint64_t{1} << begin) - 1);
}

/// First word at or after `from` that has a free page, by the summary.
std::optional<std::uint64_t> next_word(const MapView& map, std::uint64_t from) {
  for (std::uint64_t index = from / bits_per_word; index < map.summary_words; ++index) {
    std::uint64_t bits = map.tx.load64(map.summary_at(index));
    if (index == from / bits_per_word) bits &= ~std::uint64_t{0} << from % bits_per_word;
    if (bits == 0) continue;
    const std::uint64_t word = index * bits_per_word + static_cast<std::uint64_t>(std::countr_zero(bits));
    return word < map.words ? std::optional(word) : std::nullopt;
  }
  return std::nullopt;
}

/// The bits at which so many set ones start.
std::uint64_t run_starts(std::uint64_t bits, std::uint32_t count) {
  for (std::uint32_t length = 1; length < count;) {
    const std::uint32_t step = std::min(length, count - length);
    bits &= bits >> step;
    length += step;
  }
  return bits;
}

/// The lowest run of free pages, up to 64 of them, so that it lies in two words at most.
std::optional<std::uint64_t> find_free(const MapView& map, std::uint32_t count) {
  std::uint64_t border = 0;      // behind the word looked at last
  std::uint32_t free_below = 0;  // pages in a row that end there
  for (auto index = next_word(map, 0); index; index = next_word(map, *index + 1)) {
    const std::uint64_t base = *index * bits_per_word, bits = map.word_to_take(*index);
    if (base != border) free_below = 0;
    if (free_below + static_cast<std::uint32_t>(std::countr_one(bits)) >= count) return base - free_below;
    const std::uint64_t starts = run_starts(bits, count);
    if (starts != 0) return base + static_cast<std::uint64_t>(std::countr_zero(starts));
    border = base + bits_per_word;
    free_below = static_cast<std::uint32_t>(std::countl_one(bits));
  }
  return std::nullopt;
}

/// M4: has the pages [frontier, end) promised by the file system.
Expected<void> back(txn::Transaction& tx, std::uint64_t end) {
  const segment::Segment& segment = tx.segment();
  const Offset backed_at = roots_word(segment, offsetof(layout::Roots, backed));
  const std::uint64_t backed = tx.load64(backed_at);
  if (end <= backed) {
    // Planned before the frontier, so applied before it, whatever follows (M4).
    tx.store64(backed_at, backed);
    return {};
  }
  if (backed < tx.load64(roots_word(segment, offsetof(layout::Roots, frontier))))
    return corrupt("the backing ends before the frontier", backed);
  const std::uint64_t generous =
      std::min(std::max(end, backed + backing_step_pages), segment.geometry().capacity_bytes / page_bytes);
  std::uint64_t reached = generous;
  if (!segment.back_pages(backed, generous)) {  // more than is needed may be refused
    RADISH_TRY(segment.back_pages(backed, end));
    reached = end;
  }
  tx.store64(backed_at, reached);
  return {};
}

Expected<PageNumber> take_new(txn::Transaction& tx, std::uint32_t count) {
  const segment::Segment& segment = tx.segment();
  const Offset frontier_at = roots_word(segment, offsetof(layout::Roots, frontier));
  const std::uint64_t frontier = tx.load64(frontier_at);
  const std::uint64_t pages = segment.geometry().capacity_bytes / page_bytes;
  if (frontier < segment.geometry().heap_offset / page_bytes || frontier > pages)
    return corrupt("the frontier lies outside the heap", frontier);
  if (count > pages - frontier)
    return fault(Code::full, "the segment's capacity is used up", segment.geometry().capacity_bytes);
  RADISH_TRY(back(tx, frontier + count));
  tx.store64(frontier_at, frontier + count);
  return static_cast<PageNumber>(frontier);
}

}  // namespace

bool is_heap_page(const txn::Transaction& tx, std::uint64_t page) {
  const segment::Segment& segment = tx.segment();
  return page >= segment.geometry().heap_offset / page_bytes &&
         page < segment.geometry().capacity_bytes / page_bytes &&
         page < tx.load64(roots_word(segment, offsetof(layout::Roots, frontier)));
}

Expected<PageNumber> take_pages(txn::Transaction& tx, std::uint32_t count) {
  const Offset free_at = roots_word(tx.segment(), offsetof(layout::Roots, free_pages));
  const std::uint64_t free = tx.load64(free_at);
  if (free < count) return take_new(tx, count);
  const MapView map(tx);
  const auto first = find_free(map, count);
  if (!first) return take_new(tx, count);
  if (!is_heap_page(tx, *first) || !is_heap_page(tx, *first + count - 1))
    return corrupt("the page map marks pages outside the heap", *first);
  for (std::uint64_t index = *first / bits_per_word; index <= (*first + count - 1) / bits_per_word; ++index)
    map.set_word(index, map.word(index) & ~mask_of(index, *first, count));
  tx.store64(free_at, free - count);
  return static_cast<PageNumber>(*first);
}

Expected<void> give_pages(txn::Transaction& tx, PageNumber first, std::uint32_t count) {
  const MapView map(tx);
  for (std::uint64_t index = first / bits_per_word; index <= (first + count - 1) / bits_per_word; ++index) {
    const std::uint64_t mask = mask_of(index, first, count);
    if ((map.word(index) & mask) != 0) return corrupt("a page that is in use is marked free", first);
    map.set_word(index, map.word(index) | mask);
  }
  const Offset free_at = roots_word(tx.segment(), offsetof(layout::Roots, free_pages));
  tx.store64(free_at, tx.load64(free_at) + count);
  return {};
}

}  // namespace radish::heap
