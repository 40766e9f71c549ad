#include "segment/superblock.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "segment/crc32c.h"
#include "segment/segment.h"

namespace radish::segment {
namespace {

/// Lays the regions out one behind the other; `heap_pages` is 0 where they leave no room.
layout::Geometry lay_out(std::uint64_t capacity_bytes, std::uint32_t reader_slots,
                         std::uint32_t record_entries) {
  using layout::page_bytes;
  using layout::round_up;
  layout::Geometry geometry{};
  geometry.format_version = layout::format_version;
  geometry.capacity_bytes = capacity_bytes;
  geometry.reader_slots = reader_slots;
  geometry.record_entries = record_entries;
  geometry.slots_offset = sizeof(layout::Superblock) + sizeof(layout::Lease);
  geometry.record_offset =
      geometry.slots_offset + round_up(std::uint64_t{reader_slots} * sizeof(layout::Slot), page_bytes);
  geometry.roots_offset =
      geometry.record_offset +
      round_up(sizeof(layout::Record) + std::uint64_t{record_entries} * sizeof(layout::RecordEntry),
               page_bytes);
  geometry.page_map_offset = geometry.roots_offset + sizeof(layout::Roots) + sizeof(layout::Catalogue);
  const std::uint64_t map_words = page_map_words(capacity_bytes) + page_map_summary_words(capacity_bytes);
  geometry.heap_offset = geometry.page_map_offset + round_up(map_words * sizeof(std::uint64_t), page_bytes);
  if (geometry.heap_offset < capacity_bytes)
    geometry.heap_pages = (capacity_bytes - geometry.heap_offset) / page_bytes;
  return geometry;
}

/// As many entries as the pages of the record hold.
std::uint32_t fill_pages(std::uint32_t record_entries) {
  const std::uint64_t bytes =
      layout::round_up(sizeof(layout::Record) + std::uint64_t{record_entries} * sizeof(layout::RecordEntry),
                       layout::page_bytes);
  return static_cast<std::uint32_t>((bytes - sizeof(layout::Record)) / sizeof(layout::RecordEntry));
}

bool all_zero(const auto& words) {
  return std::ranges::all_of(words, [](auto word) { return word == decltype(word){}; });
}

Expected<void> check_reserved(const layout::Superblock& superblock) {
  if (superblock.reserved0 != 0)
    return corrupt("reserved bytes of the superblock are not zero", offsetof(layout::Superblock, reserved0));
  if (!all_zero(superblock.reserved1))
    return corrupt("reserved bytes of the superblock are not zero", offsetof(layout::Superblock, reserved1));
  if (!all_zero(superblock.reserved2))
    return corrupt("reserved bytes of the superblock are not zero", offsetof(layout::Superblock, reserved2));
  return {};
}

/// The stored geometry must be the one that its capacity and slots lead to.
Expected<void> check_geometry(const layout::Geometry& geometry) {
  OpenRequest request;
  request.capacity_bytes = geometry.capacity_bytes;
  request.reader_slots = geometry.reader_slots;
  request.record_entries = geometry.record_entries;
  const auto planned = plan_geometry(request);
  if (!planned || *planned != geometry) return corrupt("the geometry contradicts itself");
  return {};
}

}  // namespace

Expected<layout::Geometry> plan_geometry(const OpenRequest& request) {
  std::uint64_t capacity_bytes =
      request.capacity_bytes == 0 ? layout::capacity_bytes_default : request.capacity_bytes;
  if (capacity_bytes > layout::capacity_bytes_max)
    return fault(Code::invalid_argument, "the capacity is above 32 GiB", capacity_bytes);
  if (capacity_bytes < layout::capacity_bytes_min)
    return fault(Code::invalid_argument, "the capacity is below 128 KiB", capacity_bytes);
  capacity_bytes = layout::round_up(capacity_bytes, layout::page_bytes);
  const std::uint32_t reader_slots =
      request.reader_slots == 0 ? layout::reader_slots_default : request.reader_slots;
  if (reader_slots > layout::reader_slots_max)
    return fault(Code::invalid_argument, "more than 65,536 reader slots", reader_slots);
  const std::uint32_t record_entries =
      request.record_entries == 0 ? layout::record_entries_default : request.record_entries;
  if (record_entries < layout::record_entries_default || record_entries > layout::record_entries_max)
    return fault(Code::invalid_argument, "the record holds 252 to 4,092 stores", record_entries);
  const layout::Geometry geometry = lay_out(capacity_bytes, reader_slots, fill_pages(record_entries));
  if (geometry.heap_pages == 0)
    return fault(Code::invalid_argument, "the reader slots leave no room in the capacity", reader_slots);
  return geometry;
}

std::uint32_t superblock_checksum(const layout::Geometry& geometry) {
  const std::uint32_t seed = crc32c(0, &layout::magic_ready, sizeof(layout::magic_ready));
  return crc32c(seed, &geometry, sizeof(geometry));
}

std::uint32_t lease_checksum(const layout::LeaseOrigin& origin) { return crc32c(0, &origin, sizeof(origin)); }

Expected<void> check_superblock(const layout::Superblock& superblock, std::uint64_t file_bytes) {
  const layout::Geometry& geometry = superblock.geometry;
  // The version comes first: another version may checksum other bytes.
  if (geometry.format_version != layout::format_version)
    return fault(Code::version, "another format version", geometry.format_version);
  if (superblock.checksum != superblock_checksum(geometry))
    return corrupt("the superblock's checksum is wrong", offsetof(layout::Superblock, checksum));
  if (geometry.feature_bits != 0) return fault(Code::version, "unknown feature bits", geometry.feature_bits);
  RADISH_TRY(check_geometry(geometry));
  RADISH_TRY(check_reserved(superblock));
  if (file_bytes < geometry.capacity_bytes) return corrupt("the file is truncated", file_bytes);
  if (file_bytes > geometry.capacity_bytes)
    return corrupt("the file is longer than its capacity", file_bytes);
  return {};
}

Expected<void> check_reserved(const Segment& segment) {
  const layout::Lease& lease = segment.lease();
  if (lease.reserved0 != 0 || lease.reserved1 != 0 || lease.reserved3 != 0 || !all_zero(lease.reserved2) ||
      !all_zero(lease.reserved4) || !all_zero(lease.reserved5))
    return corrupt("reserved bytes of the lease are not zero", layout::page_bytes);
  const layout::Record& record = segment.record();
  if (record.reserved0 != 0 || !all_zero(record.reserved1))
    return corrupt("reserved bytes of the record are not zero", segment.geometry().record_offset);
  for (std::uint32_t index = 0; index < segment.geometry().reader_slots; ++index)
    if (!all_zero(segment.slots()[index].reserved))
      return corrupt("reserved bytes of a slot are not zero", index);
  const layout::Offset end =
      segment.geometry().slots_offset + std::uint64_t{segment.geometry().reader_slots} * sizeof(layout::Slot);
  if (!all_zero(std::span(segment.at(end), segment.at(segment.geometry().record_offset))))
    return corrupt("bytes behind the last slot are not zero", end);
  return {};
}

}  // namespace radish::segment
