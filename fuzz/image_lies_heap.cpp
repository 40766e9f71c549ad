// Lies about what is in use: roots, page map, page headers.
#include <algorithm>
#include <array>

#include "fuzz/image_telling.h"
#include "heap/heap.h"
#include "heap/page_shape.h"
#include "txn/recovery.h"

namespace radish::image {
namespace {

using layout::PageHeader;
using layout::Roots;

PageHeader* header_of(const Teller& teller, const std::vector<std::uint64_t>& pages) {
  const std::uint64_t* page = teller.one_of(pages);
  return page == nullptr ? nullptr : &teller.image.page(*page);
}

/// A page in use of either kind.
PageHeader* page_in_use(const Teller& teller) {
  PageHeader* slab = header_of(teller, teller.index.slabs);
  PageHeader* run = header_of(teller, teller.index.runs);
  return run != nullptr && (teller.what % 2 == 1 || slab == nullptr) ? run : slab;
}

template <class Word>
bool change_in(const Teller& teller, PageHeader* header, Word PageHeader::* field) {
  if (header != nullptr) teller.change(header->*field);
  return header != nullptr;
}

/// A bit of a slab page's bitmap that is set, or one of a slot in none of the bitmaps; `found` gets its mask.
struct SlotBit {
  PageHeader* header = nullptr;
  std::uint32_t word = 0;
  std::uint64_t bit = 0;
};

template <class Wanted>
SlotBit find_slot(const Teller& teller, Wanted wanted) {
  const auto& slabs = teller.index.slabs;
  for (std::size_t tried = 0; tried < slabs.size(); ++tried) {
    PageHeader& header = teller.image.page(slabs[(tried + teller.where) % slabs.size()]);
    const std::uint32_t slots = heap::slots_of(header.size_class % heap::class_count);
    for (std::uint32_t word = 0; word < layout::bitmap_words; ++word)
      if (const std::uint64_t bits = wanted(header, word) & heap::all_slots_word(slots, word); bits != 0) {
        std::uint64_t bit = bits & (~bits + 1);
        for (std::uint32_t skip = teller.what % 8; skip != 0 && (bits & ~(2 * bit - 1)) != 0; --skip)
          bit = (bits & ~(2 * bit - 1)) & (~(bits & ~(2 * bit - 1)) + 1);
        return {&header, word, bit};
      }
  }
  return {};
}

std::uint64_t used_bits(const PageHeader& header, std::uint32_t word) {
  return ~(header.free[word] | header.young[word] | header.old[word]);
}

using Bitmap = std::uint64_t (PageHeader::*)[layout::bitmap_words];

bool mark_used_slot(const Teller& teller, Bitmap bitmap) {
  const SlotBit slot = find_slot(teller, used_bits);
  if (slot.header != nullptr) (slot.header->*bitmap)[slot.word] |= slot.bit;
  return slot.header != nullptr;
}

bool free_slot_marked_used(const Teller& teller) {
  const SlotBit slot =
      find_slot(teller, [](const PageHeader& page, std::uint32_t word) { return page.free[word]; });
  if (slot.header != nullptr) slot.header->free[slot.word] ^= slot.bit;
  return slot.header != nullptr;
}

bool retired_slot_marked_used(const Teller& teller) {
  const SlotBit slot = find_slot(
      teller, [](const PageHeader& page, std::uint32_t word) { return page.young[word] | page.old[word]; });
  if (slot.header == nullptr) return false;
  slot.header->young[slot.word] &= ~slot.bit;
  slot.header->old[slot.word] &= ~slot.bit;
  return true;
}

bool retired_slot_marked_free(const Teller& teller) {
  const SlotBit slot = find_slot(
      teller, [](const PageHeader& page, std::uint32_t word) { return page.young[word] | page.old[word]; });
  if (slot.header != nullptr) slot.header->free[slot.word] |= slot.bit;
  return slot.header != nullptr;
}

/// A page in use of which no slot is in the bitmaps.
PageHeader* find_page(const Teller& teller, std::initializer_list<Bitmap> bitmaps) {
  for (const auto* pages : {&teller.index.slabs, &teller.index.runs})
    for (std::size_t tried = 0; tried < pages->size(); ++tried) {
      PageHeader& header = teller.image.page((*pages)[(tried + teller.where) % pages->size()]);
      const bool clear = std::ranges::all_of(bitmaps, [&](Bitmap bitmap) {
        return std::ranges::all_of(header.*bitmap, [](std::uint64_t word) { return word == 0; });
      });
      if (clear) return &header;
    }
  return nullptr;
}

bool bit_of_no_slot(const Teller& teller) {
  PageHeader* header = page_in_use(teller);
  if (header == nullptr) return false;
  const std::array<Bitmap, 3> bitmaps{&PageHeader::free, &PageHeader::young, &PageHeader::old};
  (header->*bitmaps[teller.what / 2 % bitmaps.size()])[layout::bitmap_words - 1] |= std::uint64_t{1} << 63;
  return true;
}

bool mark_page(const Teller& teller, std::uint64_t page) {
  teller.image.map_word(page / 64) ^= std::uint64_t{1} << page % 64;
  return true;
}

/// The free slots of a page at the head of a list, which is where blocks are taken from.
std::uint64_t* free_of_a_head(const Teller& teller) {
  const auto& heads = teller.roots().partial_head;
  for (std::size_t tried = 0; tried < std::size(heads); ++tried) {
    const PageNumber page = heads[(tried + teller.where) % std::size(heads)];
    if (page != 0 && page < teller.image.geometry().capacity_bytes / layout::page_bytes)
      return teller.image.page(page).free;
  }
  return nullptr;
}

/// Bits in none of the words but, perhaps, the last.
bool clear_free(const Teller& teller, std::uint64_t last) {
  std::uint64_t* free = free_of_a_head(teller);
  if (free == nullptr) return false;
  std::fill_n(free, layout::bitmap_words, 0);
  free[layout::bitmap_words - 1] = last;
  return true;
}

bool free_slots_only(const Teller& teller) {
  const std::uint64_t* page = teller.one_of(teller.index.free_pages);
  if (page == nullptr) return false;
  const std::uint32_t size_class = teller.what % heap::class_count;
  PageHeader& header = teller.image.page(*page);
  header = {};
  header.kind = layout::PageKind::slab;
  header.size_class = static_cast<std::uint8_t>(size_class);
  header.run_pages = 1;
  for (std::uint32_t word = 0; word < layout::bitmap_words; ++word)
    header.free[word] = heap::all_slots_word(heap::slots_of(size_class), word);
  --teller.roots().free_pages;
  return mark_page(teller, *page);
}

bool used_page_marked_free(const Teller& teller) {
  const auto& pages = teller.what % 2 == 0 ? teller.index.slabs : teller.index.runs;
  const std::uint64_t* page = teller.one_of(pages);
  if (page == nullptr) return false;
  const std::uint32_t pages_of_it = std::max(teller.image.page(*page).run_pages, std::uint16_t{1});
  return mark_page(teller, *page + teller.what / 2 % pages_of_it);
}

bool free_page_marked_used(const Teller& teller) {
  const std::uint64_t* page = teller.one_of(teller.index.free_pages);
  return page != nullptr && mark_page(teller, *page);
}

/// Before the heap, at the frontier, behind the capacity.
bool page_beyond_marked_free(const Teller& teller) {
  const layout::Geometry& geometry = teller.image.geometry();
  const std::uint64_t words = segment::page_map_words(geometry.capacity_bytes);
  const std::array<std::uint64_t, 3> pages{geometry.heap_offset / layout::page_bytes - 1,
                                           teller.roots().frontier, words * layout::bits_per_word - 1};
  const std::uint64_t page = pages[teller.where % pages.size()] % (words * layout::bits_per_word);
  if (teller.what % 2 == 1) {  // counted too
    ++teller.roots().free_pages;
    teller.image.map_word(words + page / 64 / 64) |= std::uint64_t{1} << page / 64 % 64;
  }
  return mark_page(teller, page);
}

std::uint64_t& summary_word(const Teller& teller, std::uint64_t behind) {
  const std::uint64_t capacity = teller.image.geometry().capacity_bytes;
  return teller.image.map_word(segment::page_map_words(capacity) + behind);
}

bool behind_the_summary(const Teller& teller) {
  const layout::Geometry& geometry = teller.image.geometry();
  const std::uint64_t words = segment::page_map_words(geometry.capacity_bytes);
  const std::uint64_t first = segment::page_map_summary_words(geometry.capacity_bytes);
  const std::uint64_t room = (geometry.heap_offset - geometry.page_map_offset) / 8 - words - first;
  if (room == 0) return false;
  return teller.change(summary_word(teller, first + teller.where % room)), true;
}

bool condemned_head(const Teller& teller) {
  const std::array<Reference*, 3> heads{&teller.roots().condemned_ready, &teller.roots().condemned_old,
                                        &teller.roots().condemned_young};
  return teller.change(*heads[teller.where % heads.size()]), true;
}

bool roots_reserved(const Teller& teller) {
  Roots& roots = teller.roots();
  if (teller.where % 5 == 0) teller.change(roots.reserved0);
  if (teller.where % 5 == 1) teller.change(roots.reserved1[teller.what % 6]);
  if (teller.where % 5 == 2) teller.change(roots.reserved2[teller.what % 4]);
  if (teller.where % 5 == 3) teller.change(roots.reserved3);
  if (teller.where % 5 == 4) teller.change(roots.reserved4[teller.what % sizeof roots.reserved4]);
  return true;
}

/// Not of a run whose length is a matter of its own.
bool run_pages(const Teller& teller) {
  PageHeader* header = page_in_use(teller);
  return change_in(teller, header, &PageHeader::run_pages);
}

bool page_kind(const Teller& teller) {
  PageHeader* header = page_in_use(teller);
  if (header == nullptr) return false;
  auto kind = static_cast<std::uint8_t>(header->kind);
  teller.change(kind);
  header->kind = static_cast<layout::PageKind>(kind);
  return true;
}

template <class Word>
bool change_root(const Teller& teller, Word Roots::* field) {
  teller.change(teller.roots().*field);
  return true;
}

/// A word that counts up to a bound: any other number, or one at an end of what it may be.
bool change_count(const Teller& teller, std::uint64_t& word, std::uint64_t most) {
  const std::array<std::uint64_t, 5> ends{0, 1, most - 1, most, most + 1};
  if (teller.where % 2 == 0) return teller.change(word), true;
  word = ends[teller.what % ends.size()];
  return true;
}

const Row rows[] = {
    {Lie::root_reference, "root_reference", [](const Teller& t) { return change_root(t, &Roots::tree); }},
    {Lie::frontier, "frontier", [](const Teller& t) { return change_root(t, &Roots::frontier); }},
    {Lie::backed, "backed", [](const Teller& t) { return change_root(t, &Roots::backed); }},
    {Lie::epoch, "epoch", [](const Teller& t) { return change_count(t, t.roots().epoch, heap::epoch_max); }},
    {Lie::generation, "generation",
     [](const Teller& t) { return change_count(t, t.roots().generation, txn::generation_max); }},
    {Lie::key_count, "key_count", [](const Teller& t) { return change_root(t, &Roots::key_count); }},
    {Lie::clean_mark, "clean_mark", [](const Teller& t) { return change_root(t, &Roots::clean_mark); }},
    {Lie::free_pages, "free_pages", [](const Teller& t) { return change_root(t, &Roots::free_pages); }},
    {Lie::waiting_head, "waiting_head", [](const Teller& t) { return change_root(t, &Roots::waiting_head); }},
    {Lie::waiting_tail, "waiting_tail", [](const Teller& t) { return change_root(t, &Roots::waiting_tail); }},
    {Lie::waiting_pages, "waiting_pages",
     [](const Teller& t) { return change_root(t, &Roots::waiting_pages); }},
    {Lie::condemned_head, "condemned_head", condemned_head},
    {Lie::condemned_epoch, "condemned_epoch",
     [](const Teller& t) {
       return change_root(t, t.where % 2 == 0 ? &Roots::condemned_old_epoch : &Roots::condemned_young_epoch);
     }},
    {Lie::partial_head, "partial_head",
     [](const Teller& t) { return t.change(t.roots().partial_head[t.where % heap::class_count]), true; }},
    {Lie::partial_head_of_no_class, "partial_head_of_no_class",
     [](const Teller& t) {
       constexpr std::uint32_t unused = layout::size_classes_max - heap::class_count;
       return t.change(t.roots().partial_head[heap::class_count + t.where % unused]), true;
     }},
    {Lie::roots_reserved, "roots_reserved", roots_reserved},
    {Lie::used_page_marked_free, "used_page_marked_free", used_page_marked_free},
    {Lie::free_page_marked_used, "free_page_marked_used", free_page_marked_used},
    {Lie::page_beyond_marked_free, "page_beyond_marked_free", page_beyond_marked_free},
    {Lie::summary, "summary", [](const Teller& t) { return t.change(summary_word(t, 0)), true; }},
    {Lie::behind_the_summary, "behind_the_summary", behind_the_summary},
    {Lie::page_kind, "page_kind", page_kind},
    {Lie::size_class, "size_class",
     [](const Teller& t) { return change_in(t, page_in_use(t), &PageHeader::size_class); }},
    {Lie::run_pages, "run_pages", run_pages},
    {Lie::used_slot_marked_free, "used_slot_marked_free",
     [](const Teller& t) { return mark_used_slot(t, &PageHeader::free); }},
    {Lie::used_slot_marked_young, "used_slot_marked_young",
     [](const Teller& t) { return mark_used_slot(t, &PageHeader::young); }},
    {Lie::used_slot_marked_old, "used_slot_marked_old",
     [](const Teller& t) { return mark_used_slot(t, &PageHeader::old); }},
    {Lie::free_slot_marked_used, "free_slot_marked_used", free_slot_marked_used},
    {Lie::retired_slot_marked_used, "retired_slot_marked_used", retired_slot_marked_used},
    {Lie::retired_slot_marked_free, "retired_slot_marked_free", retired_slot_marked_free},
    {Lie::bit_of_no_slot, "bit_of_no_slot", bit_of_no_slot},
    {Lie::free_bit_of_no_slot, "free_bit_of_no_slot",
     [](const Teller& t) { return clear_free(t, std::uint64_t{1} << 63); }},
    {Lie::no_free_slot, "no_free_slot", [](const Teller& t) { return clear_free(t, 0); }},
    {Lie::free_slots_only, "free_slots_only", free_slots_only},
    {Lie::young_epoch, "young_epoch",
     [](const Teller& t) { return change_in(t, page_in_use(t), &PageHeader::young_epoch); }},
    {Lie::old_epoch, "old_epoch",
     [](const Teller& t) { return change_in(t, page_in_use(t), &PageHeader::old_epoch); }},
    {Lie::waiting_next, "waiting_next",
     [](const Teller& t) { return change_in(t, header_of(t, t.index.waiting), &PageHeader::waiting_next); }},
    {Lie::partial_next, "partial_next",
     [](const Teller& t) { return change_in(t, header_of(t, t.index.partial), &PageHeader::partial_next); }},
    {Lie::partial_previous, "partial_previous",
     [](const Teller& t) {
       return change_in(t, header_of(t, t.index.partial), &PageHeader::partial_previous);
     }},
    {Lie::waiting_link_of_another, "waiting_link_of_another",
     [](const Teller& t) {
       PageHeader* header = find_page(t, {&PageHeader::young, &PageHeader::old});
       return change_in(t, header, &PageHeader::waiting_next);
     }},
    {Lie::partial_link_of_another, "partial_link_of_another",
     [](const Teller& t) {
       PageHeader* header = find_page(t, {&PageHeader::free});
       return change_in(t, header,
                        t.what % 2 == 0 ? &PageHeader::partial_next : &PageHeader::partial_previous);
     }},
};

}  // namespace

std::span<const Row> heap_rows() { return rows; }

}  // namespace radish::image
