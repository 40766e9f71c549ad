#include "heap/lists.h"

namespace radish::heap {
namespace {

using layout::PageHeader;
using layout::Roots;
using txn::roots_word;

constexpr std::size_t partial_next = offsetof(PageHeader, partial_next);
constexpr std::size_t partial_previous = offsetof(PageHeader, partial_previous);
constexpr std::size_t waiting_next = offsetof(PageHeader, waiting_next);

void add_waiting_pages(txn::Transaction& tx, std::uint64_t delta) {
  const Offset count_at = roots_word(tx.segment(), offsetof(Roots, waiting_pages));
  tx.store64(count_at, tx.load64(count_at) + delta);
}

}  // namespace

Offset partial_head_at(const txn::Transaction& tx, std::uint32_t size_class) {
  return roots_word(tx.segment(), offsetof(Roots, partial_head) + size_class * sizeof(PageNumber));
}

Expected<void> join_partial_list(txn::Transaction& tx, Page& page) {
  if (page.is_run()) return {};  // its one slot is free only when the page goes back
  const Offset head_at = partial_head_at(tx, page.size_class());
  const PageNumber head = tx.load32(head_at);
  if (head != 0) {
    auto next = Page::open(tx, head);
    if (!next) return std::unexpected(next.error());
    next->set32(partial_previous, page.number());
    page.set32(partial_next, head);
  }
  tx.store32(head_at, page.number());
  return {};
}

Expected<void> leave_partial_list(txn::Transaction& tx, Page& page) {
  if (page.is_run()) return {};
  const PageNumber next = page.word32(partial_next), previous = page.word32(partial_previous);
  if (next != 0) {
    auto neighbour = Page::open(tx, next);
    if (!neighbour) return std::unexpected(neighbour.error());
    neighbour->set32(partial_previous, previous);
  }
  if (previous != 0) {
    auto neighbour = Page::open(tx, previous);
    if (!neighbour) return std::unexpected(neighbour.error());
    neighbour->set32(partial_next, next);
  } else {
    const Offset head_at = partial_head_at(tx, page.size_class());
    if (tx.load32(head_at) != page.number())
      return corrupt("a partial list does not start with its head", page.number());
    tx.store32(head_at, next);
  }
  if (next != 0) page.set32(partial_next, 0);
  if (previous != 0) page.set32(partial_previous, 0);
  return {};
}

Expected<void> join_waiting_list(txn::Transaction& tx, Page& page) {
  const Offset head_at = roots_word(tx.segment(), offsetof(Roots, waiting_head));
  const Offset tail_at = roots_word(tx.segment(), offsetof(Roots, waiting_tail));
  const PageNumber tail = tx.load32(tail_at);
  if (tail != 0) {
    auto last = Page::open(tx, tail);
    if (!last) return std::unexpected(last.error());
    last->set32(waiting_next, page.number());
  } else {
    tx.store32(head_at, page.number());
  }
  tx.store32(tail_at, page.number());
  add_waiting_pages(tx, 1);
  return {};
}

Expected<PageNumber> leave_waiting_list(txn::Transaction& tx) {
  const Offset head_at = roots_word(tx.segment(), offsetof(Roots, waiting_head));
  const PageNumber head = tx.load32(head_at);
  if (head == 0) return head;
  auto page = Page::open(tx, head);
  if (!page) return std::unexpected(page.error());
  const PageNumber next = page->word32(waiting_next);
  if (next != 0) page->set32(waiting_next, 0);
  tx.store32(head_at, next);
  if (next == 0) tx.store32(roots_word(tx.segment(), offsetof(Roots, waiting_tail)), 0);
  add_waiting_pages(tx, ~std::uint64_t{0});
  return head;
}

Expected<void> settle_page(txn::Transaction& tx, Page& page, bool listed) {
  if (page.all_free()) {  // H4
    if (listed) RADISH_TRY(leave_partial_list(tx, page));
    return give_pages(tx, page.number(), page.pages());
  }
  if (!listed && page.has_free()) return join_partial_list(tx, page);  // H2
  return {};
}

}  // namespace radish::heap
