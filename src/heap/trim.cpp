#include "heap/trim.h"

#include "heap/heap.h"
#include "heap/mutate.h"

namespace radish::heap {
namespace {

using layout::Roots;
using txn::roots_word;

/// T2, one transaction of it. False if no free page lies right below the frontier.
Expected<bool> lower_frontier(const segment::Segment& segment) {
  txn::Transaction tx(segment);
  RADISH_TRY(advance_epoch(tx));  // T3
  const auto dropped = drop_pages(tx);
  if (!dropped) return std::unexpected(dropped.error());
  if (*dropped == 0) return false;
  tx.commit();
  return true;
}

/// The backing comes down to the frontier; in which epoch (T4).
Expected<std::uint64_t> lower_backing(const segment::Segment& segment) {
  txn::Transaction tx(segment);
  const std::uint64_t epoch = tx.load64(roots_word(segment, offsetof(Roots, epoch)));
  RADISH_TRY(advance_epoch(tx));  // T3
  tx.store64(roots_word(segment, offsetof(Roots, backed)),
             tx.load64(roots_word(segment, offsetof(Roots, frontier))));
  tx.commit();
  return epoch;
}

}  // namespace

Expected<std::uint64_t> trim(sync::Attachment& attachment) {
  const auto writer = txn::Writer::acquire(attachment);
  if (!writer) return std::unexpected(writer.error());
  const segment::Segment& segment = writer->segment();
  const std::uint64_t deadline_ns = room_deadline_ns(*writer);
  clear_clean_mark(segment);
  RADISH_TRY(tidy(*writer, deadline_ns));
  if (sync::glance(segment.roots().epoch) >= epoch_max) return 0;  // it cannot advance: T3, T4
  do {
    const auto lowered = lower_frontier(segment);
    if (!lowered) return std::unexpected(lowered.error());
    if (!*lowered) break;
  } while (Seam::now_ns() <= deadline_ns);
  const auto epoch = lower_backing(segment);
  if (!epoch) return epoch;
  RADISH_TRY(await_readers(*writer, *epoch));
  return segment.give_back_pages(sync::glance(segment.roots().backed));
}

}  // namespace radish::heap
