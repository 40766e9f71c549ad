#include "api/seal.h"

#include <algorithm>

#include "segment/crc32c.h"
#include "segment/twin.h"
#include "sync/words.h"
#include "txn/recovery.h"

namespace radish::detail {
namespace {

std::uint64_t content_checksum(const segment::Segment& segment) {
  const layout::Geometry& geometry = segment.geometry();
  const std::uint64_t frontier = sync::observe(segment.roots().frontier) * layout::page_bytes;
  const std::uint64_t end = std::clamp(frontier, geometry.heap_offset, geometry.capacity_bytes);
  return segment::crc32c(0, segment.at(geometry.roots_offset), end - geometry.roots_offset);
}

}  // namespace

Expected<void> seal(sync::Attachment& attachment) {
  const auto writer = txn::Writer::acquire(attachment);
  if (!writer) return std::unexpected(writer.error());
  const segment::Segment& segment = writer->segment();
  txn::Transaction tx(segment);
  tx.store64(txn::roots_word(segment, offsetof(layout::Roots, clean_mark)), 1);
  tx.commit();
  if (broken(Twin::sealed_before_checksum)) sync::publish(segment.superblock().sealed, layout::sealed_mark);
  sync::publish(segment.superblock().content_checksum, content_checksum(segment));
  RADISH_TRY(segment.sync());
  Seam::compiler_fence();
  sync::publish(segment.superblock().sealed, layout::sealed_mark);  // Z1; pairs with each observe of `sealed`
  Seam::compiler_fence();
  return segment.sync();
}

Expected<void> verify_content(const segment::Segment& segment) {
  if (sync::observe(segment.roots().clean_mark) != 1) return corrupt("sealed without the clean mark");
  const std::uint64_t sealed = sync::observe(segment.superblock().content_checksum);
  if (content_checksum(segment) != sealed) return corrupt("the content is not what was sealed", sealed);
  return {};
}

}  // namespace radish::detail
