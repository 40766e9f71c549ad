#include "heap/heap.h"

#include <bit>

#include "heap/lists.h"
#include "heap/page.h"

namespace radish::heap {

using layout::PageHeader;
using txn::roots_word;

Expected<Page> Page::open(txn::Transaction& tx, std::uint64_t number) {
  if (!is_heap_page(tx, number)) return corrupt("a page number lies outside the heap", number);
  const std::uint32_t first = tx.load32(number * layout::page_bytes);  // kind, class, run_pages
  Page page;
  page.tx_ = &tx;
  page.number_ = static_cast<PageNumber>(number);
  page.kind_ = static_cast<layout::PageKind>(first & 0xff);
  page.size_class_ = first >> 8 & 0xff;
  page.run_pages_ = first >> 16;
  const bool slab =
      page.kind_ == layout::PageKind::slab && page.size_class_ < class_count && page.run_pages_ == 1;
  const bool run = page.kind_ == layout::PageKind::run && page.size_class_ == 0 && page.run_pages_ >= 1 &&
                   page.run_pages_ <= layout::run_pages_max && is_heap_page(tx, number + page.run_pages_ - 1);
  if (!slab && !run) return corrupt("a page in use has no sound header", number);
  return page;
}

Expected<std::uint32_t> Page::slot_of(Offset block) const {
  const Offset first = slot_at(0);
  if (block < first || (block - first) % slot_bytes() != 0 || (block - first) / slot_bytes() >= slots())
    return corrupt("a block does not start at a slot", block);
  return static_cast<std::uint32_t>((block - first) / slot_bytes());
}

bool Page::all_free() const {
  for (std::uint32_t word = 0; word < bitmap_words(); ++word)
    if (free(word) != all_slots_word(slots(), word)) return false;
  return true;
}

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

Expected<Offset> take_slot(txn::Transaction& tx, Page& page) {
  for (std::uint32_t word = 0; word < page.bitmap_words(); ++word) {
    const std::uint64_t bits = page.free(word);
    if (bits == 0) continue;
    const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
    if (slot >= page.slots()) return corrupt("a free bit names no slot", page.number());
    page.set_free(word, bits & (bits - 1));
    if (!page.has_free()) RADISH_TRY(leave_partial_list(tx, page));  // H2
    return page.slot_at(slot);
  }
  return corrupt("a page on a partial list has no free slot", page.number());
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
  if (((page->free(found.word) | page->young(found.word) | page->old(found.word)) & found.bit) != 0)
    return corrupt("a block in use is marked free or retired", block);
  return found;
}

Expected<Offset> allocate_run(txn::Transaction& tx, std::uint64_t bytes) {
  const std::uint32_t pages = run_pages_of(bytes);
  require(pages <= layout::run_pages_max, "H6: a block larger than any key needs");
  auto page = make_page(tx, layout::PageKind::run, 0, pages);
  if (!page) return std::unexpected(page.error());
  page->set_free(0, 0);
  return page->slot_at(0);
}

}  // namespace

Expected<Offset> allocate(txn::Transaction& tx, std::uint64_t bytes) {
  if (!fits_slab(bytes)) return allocate_run(tx, bytes);
  const std::uint32_t size_class = class_of(bytes);
  const PageNumber head = tx.load32(partial_head_at(tx, size_class));
  if (head != 0) {
    auto page = Page::open(tx, head);
    if (!page) return std::unexpected(page.error());
    if (page->is_run() || page->size_class() != size_class)
      return corrupt("a page is on the partial list of another class", head);
    return take_slot(tx, *page);
  }
  auto page = make_page(tx, layout::PageKind::slab, size_class, 1);
  if (!page) return std::unexpected(page.error());
  RADISH_TRY(join_partial_list(tx, *page));
  return take_slot(tx, *page);
}

static Expected<void> free_slots(txn::Transaction& tx, Page& page, std::uint32_t word, std::uint64_t bits) {
  const bool listed = page.has_free();
  page.set_free(word, page.free(word) | bits);
  return settle_page(tx, page, listed);
}

Expected<void> settle_page(txn::Transaction& tx, Page& page, bool listed) {
  if (page.all_free()) {  // H4
    if (listed) RADISH_TRY(leave_partial_list(tx, page));
    return give_pages(tx, page.number(), page.pages());
  }
  if (!listed && page.has_free()) return join_partial_list(tx, page);  // H2
  return {};
}

Expected<void> release(txn::Transaction& tx, Offset block) {
  auto found = find_block(tx, block);
  if (!found) return std::unexpected(found.error());
  return free_slots(tx, found->page, found->word, found->bit);
}

Expected<void> retire(txn::Transaction& tx, Offset block) {
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
