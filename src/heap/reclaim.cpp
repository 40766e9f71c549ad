#include <bit>

#include "heap/heap.h"
#include "heap/lists.h"

namespace radish::heap {
namespace {

using layout::PageHeader;

constexpr std::size_t young_epoch = offsetof(PageHeader, young_epoch);
constexpr std::size_t old_epoch = offsetof(PageHeader, old_epoch);

/// Slots of one page, word by word, as they leave retirement.
class Freed {
 public:
  void add(std::uint32_t word, std::uint64_t bits) {
    bits_[word] |= bits;
    count_ += static_cast<std::uint32_t>(std::popcount(bits));
  }
  [[nodiscard]] std::uint64_t word(std::uint32_t index) const { return bits_[index]; }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  std::uint64_t bits_[layout::bitmap_words] = {};
  std::uint32_t count_ = 0;
};

/// H5 for both generations; what stays of the young one becomes the old one, so that slots retired from now
/// on do not hold it back.
Freed collect(Page& page, std::uint64_t oldest_pin_epoch) {
  Freed freed;
  const bool old_is_free = page.word64(old_epoch) < oldest_pin_epoch;
  const bool young_is_free = page.word64(young_epoch) < oldest_pin_epoch;
  const bool shift = !young_is_free && (old_is_free || !page.has_old()) && page.has_young();
  for (std::uint32_t word = 0; word < page.bitmap_words(); ++word) {
    if (old_is_free) freed.add(word, page.old(word));
    if (young_is_free) freed.add(word, page.young(word));
    if (old_is_free || shift) page.set_old(word, shift ? page.young(word) : 0);
    if (young_is_free || shift) page.set_young(word, 0);
  }
  if (shift) page.set64(old_epoch, page.word64(young_epoch));
  return freed;
}

Expected<void> reclaim_page(txn::Transaction& tx, Page& page, std::uint64_t oldest_pin_epoch,
                            ReclaimResult& result) {
  const std::uint64_t epoch = tx.load64(txn::roots_word(tx.segment(), offsetof(layout::Roots, epoch)));
  if (page.word64(young_epoch) > epoch || page.word64(old_epoch) > epoch)
    return corrupt("slots were retired in an epoch to come", page.number());
  const bool listed = page.has_free();
  const Freed freed = collect(page, oldest_pin_epoch);
  if (page.has_young() || page.has_old()) {
    result.blocked = true;
    RADISH_TRY(join_waiting_list(tx, page));  // at the tail: the next one gets its turn
  }
  result.slots_freed += freed.count();
  for (std::uint32_t word = 0; word < page.bitmap_words(); ++word) {
    if ((page.free(word) & freed.word(word)) != 0)
      return corrupt("a retired slot is free already", page.number());
    page.set_free(word, page.free(word) | freed.word(word));
  }
  return freed.count() == 0 ? Expected<void>{} : settle_page(tx, page, listed);
}

}  // namespace

Expected<void> advance_epoch(txn::Transaction& tx) {
  const Offset epoch_at = txn::roots_word(tx.segment(), offsetof(layout::Roots, epoch));
  const std::uint64_t epoch = tx.load64(epoch_at);
  if (epoch == 0 || epoch > epoch_max) return corrupt("the epoch is out of bounds", epoch);
  if (epoch < epoch_max) tx.store64(epoch_at, epoch + 1);
  return {};
}

Expected<ReclaimResult> reclaim_step(txn::Transaction& tx, std::uint64_t oldest_pin_epoch) {
  // A slot retired by this same plan would be freed, and its epoch be over, before it is unlinked.
  require(tx.planned() == 0, "H5: a plan that reclaims begins with it");
  ReclaimResult result;
  const std::uint64_t waiting =
      tx.load64(txn::roots_word(tx.segment(), offsetof(layout::Roots, waiting_pages)));
  if (waiting > tx.load64(txn::roots_word(tx.segment(), offsetof(layout::Roots, frontier))))
    return corrupt("more pages wait than the heap has", waiting);
  for (std::uint64_t count = 0; count < reclaim_pages_per_step && count < waiting; ++count) {
    const auto number = leave_waiting_list(tx);
    if (!number) return std::unexpected(number.error());
    if (*number == 0) return corrupt("the waiting list is shorter than its count", count);
    auto page = Page::open(tx, *number);
    if (!page) return std::unexpected(page.error());
    RADISH_TRY(reclaim_page(tx, *page, oldest_pin_epoch, result));
  }
  RADISH_TRY(advance_epoch(tx));
  return result;
}

}  // namespace radish::heap
