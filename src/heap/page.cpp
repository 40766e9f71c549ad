#include "heap/page.h"

namespace radish::heap {

Expected<Page> Page::open(txn::Transaction& tx, std::uint64_t number) {
  if (!is_heap_page(tx, number)) return corrupt("a page number lies outside the heap", number);
  const auto shape = PageShape::of(tx.load32(number * layout::page_bytes));
  if (!shape || !is_heap_page(tx, number + shape->pages - 1))
    return corrupt("a page in use has no sound header", number);
  Page page;
  page.tx_ = &tx;
  page.number_ = static_cast<PageNumber>(number);
  page.shape_ = *shape;
  return page;
}

Expected<std::uint32_t> Page::slot_of(Offset block) const {
  const auto slot = shape_.slot_at(static_cast<std::uint32_t>(block % layout::page_bytes));
  if (!slot) return corrupt("a block does not start at a slot", block);
  return *slot;
}

bool Page::all_free() const {
  for (std::uint32_t word = 0; word < bitmap_words(); ++word)
    if (free(word) != all_slots_word(slots(), word)) return false;
  return true;
}

}  // namespace radish::heap
