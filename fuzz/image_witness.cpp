#include "fuzz/image_witness.h"

#include <algorithm>
#include <cstring>

#include "segment/segment.h"

namespace radish::image {
namespace {

using layout::Lease;
using layout::Offset;
using layout::page_bytes;
using layout::Record;
using layout::Roots;
using layout::Superblock;

struct Range {
  Offset offset;
  std::uint64_t bytes;
};

/// Of files that are longer the heap is not compared.
constexpr std::uint64_t compared_bytes_max = 1 << 20;

/// Reserved, or never written after creation.
std::vector<Range> untouchable(const layout::Geometry& geometry) {
  const Offset roots = geometry.roots_offset, lease = page_bytes, record = geometry.record_offset;
  const Offset slots_end = geometry.slots_offset + geometry.reader_slots * sizeof(layout::Slot);
  const Offset map_end =
      geometry.page_map_offset + 8 * (segment::page_map_words(geometry.capacity_bytes) +
                                      segment::page_map_summary_words(geometry.capacity_bytes));
  return {{0, offsetof(Superblock, sealed)},
          {offsetof(Superblock, reserved2), sizeof Superblock::reserved2},
          {lease + offsetof(Lease, reserved0), sizeof Lease::reserved0},
          {lease + offsetof(Lease, reserved1), sizeof Lease::reserved1},
          {lease + offsetof(Lease, reserved2), sizeof Lease::reserved2},
          {lease + offsetof(Lease, reserved3), sizeof Lease::reserved3},
          {lease + offsetof(Lease, reserved4), sizeof Lease::reserved4},
          {lease + offsetof(Lease, reserved5), sizeof Lease::reserved5},
          {slots_end, record - slots_end},
          {record + offsetof(Record, reserved0), sizeof Record::reserved0},
          {record + offsetof(Record, reserved1), sizeof Record::reserved1},
          {roots + offsetof(Roots, reserved0), sizeof Roots::reserved0},
          {roots + offsetof(Roots, reserved1), sizeof Roots::reserved1},
          {roots + offsetof(Roots, reserved2), sizeof Roots::reserved2},
          {roots + offsetof(Roots, reserved3), sizeof Roots::reserved3},
          {roots + offsetof(Roots, reserved4), sizeof Roots::reserved4},
          {map_end, geometry.heap_offset - map_end}};
}

}  // namespace

Witness::Witness(const Ground& ground) : ground_(ground) {
  const layout::Geometry& geometry = superblock().geometry;
  const bool whole = geometry.capacity_bytes <= compared_bytes_max;
  const std::byte* base = ground.base();
  before_.assign(base, base + (whole ? geometry.capacity_bytes : geometry.heap_offset));
}

const Superblock& Witness::superblock() const { return *reinterpret_cast<const Superblock*>(ground_.base()); }

Offset Witness::frontier() const {
  const layout::Geometry& geometry = superblock().geometry;
  const auto& roots = *reinterpret_cast<const Roots*>(ground_.base() + geometry.roots_offset);
  return std::min(roots.frontier * page_bytes, geometry.capacity_bytes);
}

bool Witness::same(Offset offset, std::uint64_t bytes) const {
  return std::memcmp(ground_.base() + offset, before_.data() + offset, bytes) == 0;
}

bool Witness::nothing_changed() const {
  const Offset record = superblock().geometry.record_offset;
  return same(0, page_bytes) && same(record, before_.size() - record);
}

bool Witness::reserved_unchanged() const {
  return std::ranges::all_of(untouchable(superblock().geometry),
                             [&](const Range& range) { return same(range.offset, range.bytes); });
}

}  // namespace radish::image
