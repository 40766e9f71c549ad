#include "heap/heap.h"

#include <bit>

#include "heap/lists.h"
#include "heap/page.h"

namespace radish::heap {

using layout::PageHeader;
using txn::roots_word;

namespace {

/// Writes the header of a page that is free on paper: all slots free, on no list.
Expected<Page> make_page(txn::Transaction& tx, layout::PageKind kind, std::uint32_t size_class,
                         std::uint32_t pages) {
  const auto number = take_pages(tx, pages);
  if (!number) return std::unexpected(number.error());
  PageHeader header{};
  header.kind = kind;
  header.size_class = static_cast<std::uint8_t>(size_class);
  header.run_pages = static_cast<std::uint16_t>(pages);
  const std::uint32_t slots = kind == layout::PageKind::run ? 1 : slots_of(size_class);
  for (std::uint32_t word = 0; word < layout::bitmap_words; ++word)
    header.free[word] = all_slots_word(slots, word);
  tx.prepare(Offset{*number} * layout::page_bytes, &header, sizeof header);
  return Page::open(tx, *number);
}

/// 0 if only this very plan made slots of the page free (M5).
Expected<Offset> take_slot(txn::Transaction& tx, Page& page) {
  for (std::uint32_t word = 0; word < page.bitmap_words(); ++word) {
    const std::uint64_t bits = page.free_to_take(word);
    if (bits == 0) continue;
    const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
    if (slot >= page.slots()) return corrupt("a free bit names no slot", page.number());
    page.set_free(word, page.free(word) & ~(bits & -bits));
    if (!page.has_free()) RADISH_TRY(leave_partial_list(tx, page));  // H2
    return page.slot_at(slot);
  }
  if (!page.has_free()) return corrupt("a page on a partial list has no free slot", page.number());
  return Offset{0};
}

/// A slot of the page at the head of the class's partial list; 0 if there is none to take.
Expected<Offset> take_partial(txn::Transaction& tx, std::uint32_t size_class) {
  const PageNumber head = tx.load32(partial_head_at(tx, size_class));
  if (head == 0) return Offset{0};
  auto page = Page::open(tx, head);
  if (!page) return std::unexpected(page.error());
  if (page->is_run() || page->size_class() != size_class)
    return corrupt("a page is on the partial list of another class", head);
  return take_slot(tx, *page);
}

struct BlockInUse {
  Page page;
  std::uint32_t word;
  std::uint64_t bit;
};

Expected<BlockInUse> find_block(txn::Transaction& tx, Offset block) {
  const auto page = Page::open(tx, block / layout::page_bytes);
  if (!page) return std::unexpected(page.error());
  const auto slot = page->slot_of(block);
  if (!slot) return std::unexpected(slot.error());
  const BlockInUse found{*page, *slot / 64, std::uint64_t{1} << *slot % 64};
  // A mutation never gives back what it took; another one in the same plan may.
  const std::uint64_t taken_by_plan = tx.holds_several() ? 0 : page->free_before_plan(found.word);
  const std::uint64_t free_or_retired =
      page->free(found.word) | taken_by_plan | page->young(found.word) | page->old(found.word);
  if ((free_or_retired & found.bit) != 0) return corrupt("a block in use is marked free or retired", block);
  return found;
}

Expected<void> free_slots(txn::Transaction& tx, Page& page, std::uint32_t word, std::uint64_t bits) {
  const bool listed = page.has_free();
  page.set_free(word, page.free(word) | bits);
  return settle_page(tx, page, listed);
}

Expected<Offset> allocate_run(txn::Transaction& tx, std::uint64_t bytes) {
  // Lengths that a hostile tree adds up.
  if (bytes > block_bytes_max) return corrupt("a block would be larger than any key needs", bytes);
  const std::uint32_t pages = run_pages_of(bytes);
  auto page = make_page(tx, layout::PageKind::run, 0, pages);
  if (!page) return std::unexpected(page.error());
  page->set_free(0, 0);
  return page->slot_at(0);
}

}  // namespace

Expected<Offset> allocate(txn::Transaction& tx, std::uint64_t bytes) {
  if (!fits_slab(bytes)) return allocate_run(tx, bytes);
  const std::uint32_t size_class = class_of(bytes);
  const auto block = take_partial(tx, size_class);
  if (!block || *block != 0) return block;
  auto page = make_page(tx, layout::PageKind::slab, size_class, 1);
  if (!page) return std::unexpected(page.error());
  RADISH_TRY(join_partial_list(tx, *page));
  const auto first = take_slot(tx, *page);
  if (first && *first == 0) return corrupt("the plan changes a page that is marked free", page->number());
  return first;
}

Expected<void> release(txn::Transaction& tx, Offset block) {
  auto found = find_block(tx, block);
  if (!found) return std::unexpected(found.error());
  return free_slots(tx, found->page, found->word, found->bit);
}

Expected<void> retire(txn::Transaction& tx, Offset block) {
  if (broken(Twin::retired_freed_at_once)) return release(tx, block);
  auto found = find_block(tx, block);
  if (!found) return std::unexpected(found.error());
  Page& page = found->page;
  if (!page.has_young() && !page.has_old()) RADISH_TRY(join_waiting_list(tx, page));  // H3
  page.set_young(found->word, page.young(found->word) | found->bit);
  // Younger slots hold older ones of this generation back: safe, and the old generation does not wait for
  // them.
  const std::uint64_t epoch = tx.load64(roots_word(tx.segment(), offsetof(layout::Roots, epoch)));
  if (page.word64(offsetof(PageHeader, young_epoch)) != epoch)
    page.set64(offsetof(PageHeader, young_epoch), epoch);
  return {};
}

}  // namespace radish::heap
