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
/// A search for a run looks at so many words before it takes new pages, as long as there are some.
constexpr std::uint64_t looks_before_new = 256;

struct MapView {
  explicit MapView(txn::Transaction& transaction) : tx(transaction), segment(transaction.segment()) {
    const std::uint64_t capacity_bytes = segment.geometry().capacity_bytes;
    words = segment::page_map_words(capacity_bytes);
    lower_words = segment::page_map_lower_words(capacity_bytes);
    upper_words = segment::page_map_upper_words(capacity_bytes);
  }
  [[nodiscard]] Offset word_at(std::uint64_t index) const {
    return segment.geometry().page_map_offset + index * 8;
  }
  [[nodiscard]] Offset lower_at(std::uint64_t index) const { return word_at(words + index); }
  [[nodiscard]] Offset upper_at(std::uint64_t index) const { return word_at(words + lower_words + index); }
  [[nodiscard]] std::uint64_t word(std::uint64_t index) const { return tx.load64(word_at(index)); }
  /// M5
  [[nodiscard]] std::uint64_t word_to_take(std::uint64_t index) const {
    return word(index) & load64_before_plan(tx, word_at(index));
  }
  /// M2
  void set_word(std::uint64_t index, std::uint64_t value) const {
    if (!store_changes_zero(word_at(index), value)) return;
    const Offset lower = lower_at(index / bits_per_word);
    if (!store_changes_zero(lower, tx.load64(lower) ^ bit_of(index)) || upper_words == 0) return;
    const Offset upper = upper_at(index / bits_per_word / bits_per_word);
    tx.store64(upper, tx.load64(upper) ^ bit_of(index / bits_per_word));
  }

  txn::Transaction& tx;
  const segment::Segment& segment;
  std::uint64_t words;
  std::uint64_t lower_words;
  std::uint64_t upper_words;

 private:
  static std::uint64_t bit_of(std::uint64_t index) { return std::uint64_t{1} << index % bits_per_word; }
  /// True if the word was zero and is not any more, or the other way round.
  [[nodiscard]] bool store_changes_zero(Offset offset, std::uint64_t value) const {
    const std::uint64_t before = tx.load64(offset);
    tx.store64(offset, value);
    return (before == 0) != (value == 0);
  }
};

/// Bits of one map word that belong to the pages [first, first + count).
std::uint64_t mask_of(std::uint64_t index, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t begin = std::max(first, index * bits_per_word) - index * bits_per_word;
  const std::uint64_t end = std::min(first + count, (index + 1) * bits_per_word) - index * bits_per_word;
  const std::uint64_t below_end = end == bits_per_word ? ~std::uint64_t{0} : (std::uint64_t{1} << end) - 1;
  return below_end & ~((std::uint64_t{1} << begin) - 1);
}

/// First bit that is set, at or after `from`, in so many words.
template <class Word>
std::optional<std::uint64_t> first_set(Word word, std::uint64_t words, std::uint64_t from) {
  std::uint64_t mask = ~std::uint64_t{0} << from % bits_per_word;
  for (std::uint64_t index = from / bits_per_word; index < words; ++index, mask = ~std::uint64_t{0})
    if (const std::uint64_t bits = word(index) & mask; bits != 0)
      return index * bits_per_word + static_cast<std::uint64_t>(std::countr_zero(bits));
  return std::nullopt;
}

/// First word at or after `from` that has a free page, by the summary.
std::optional<std::uint64_t> next_word(const MapView& map, std::uint64_t from) {
  const auto lower = [&](std::uint64_t index) { return map.tx.load64(map.lower_at(index)); };
  const auto upper = [&](std::uint64_t index) { return map.tx.load64(map.upper_at(index)); };
  const std::uint64_t behind = from / bits_per_word + 1;  // the word of the lower level that `from` lies in
  auto found =
      first_set(lower, map.upper_words == 0 ? map.lower_words : std::min(behind, map.lower_words), from);
  if (!found && map.upper_words != 0)
    if (const auto above = first_set(upper, map.upper_words, behind))
      found = first_set(lower, map.lower_words, *above * bits_per_word);
  return found && *found < map.words ? found : std::nullopt;
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

/// The lowest run of free pages, up to 64 of them, so that it lies in two words at most. Looks at no more
/// than so many words that have free pages.
std::optional<std::uint64_t> find_free(const MapView& map, std::uint32_t count, std::uint64_t looks) {
  std::uint64_t border = 0;      // behind the word looked at last
  std::uint32_t free_below = 0;  // pages in a row that end there
  for (auto index = next_word(map, 0); index && looks != 0; index = next_word(map, *index + 1), --looks) {
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
      std::min(std::max(end, backed + backing_step_pages), segment.geometry().pages());
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
  const std::uint64_t pages = segment.geometry().pages();
  if (frontier < segment.geometry().first_heap_page() || frontier > pages)
    return corrupt("the frontier lies outside the heap", frontier);
  if (count > pages - frontier)
    return count == 1
               ? fault(Code::full, "the segment's capacity is used up", segment.geometry().capacity_bytes)
               : fault(Code::full, "the segment has no room left for so large a block", count * page_bytes);
  RADISH_TRY(back(tx, frontier + count));
  tx.store64(frontier_at, frontier + count);
  return static_cast<PageNumber>(frontier);
}

}  // namespace

bool is_heap_page(const txn::Transaction& tx, std::uint64_t page) {
  const segment::Segment& segment = tx.segment();
  return page >= segment.geometry().first_heap_page() && page < segment.geometry().pages() &&
         page < tx.load64(roots_word(segment, offsetof(layout::Roots, frontier)));
}

Expected<PageNumber> take_pages(txn::Transaction& tx, std::uint32_t count) {
  const Offset free_at = roots_word(tx.segment(), offsetof(layout::Roots, free_pages));
  const std::uint64_t free = tx.load64(free_at);
  if (free < count) return take_new(tx, count);
  const MapView map(tx);
  auto first = find_free(map, count, looks_before_new);
  if (!first) {
    auto fresh = take_new(tx, count);
    if (fresh || fresh.error().code == Code::corrupt) return fresh;
    first = find_free(map, count, map.words);
    if (!first) return fresh;
  }
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

Expected<std::uint32_t> drop_pages(txn::Transaction& tx) {
  const segment::Segment& segment = tx.segment();
  const std::uint64_t begin = segment.geometry().first_heap_page();
  const Offset frontier_at = roots_word(segment, offsetof(layout::Roots, frontier));
  const Offset free_at = roots_word(segment, offsetof(layout::Roots, free_pages));
  const std::uint64_t frontier = tx.load64(frontier_at), free = tx.load64(free_at);
  if (frontier < begin || frontier > segment.geometry().pages())
    return corrupt("the frontier lies outside the heap", frontier);
  if (frontier == begin) return 0;
  const MapView map(tx);
  const std::uint64_t index = (frontier - 1) / bits_per_word, last_bit = (frontier - 1) % bits_per_word;
  const std::uint64_t below = map.word(index) << (bits_per_word - 1 - last_bit);
  const auto count = std::min(static_cast<std::uint64_t>(std::countl_one(below)), frontier - begin);
  if (count == 0) return 0;
  if (count > free) return corrupt("the number of free pages is wrong", free);
  map.set_word(index, map.word(index) & ~mask_of(index, frontier - count, count));
  tx.store64(free_at, free - count);
  tx.store64(frontier_at, frontier - count);
  return static_cast<std::uint32_t>(count);
}

}  // namespace radish::heap
