// Lies about what is looked at first: superblock, lease, slots, record.
#include <algorithm>
#include <array>

#include "fuzz/image_telling.h"

namespace radish::image {
namespace {

using layout::page_bytes;

constexpr std::uint64_t no_identity = 0x123'4560'0000'0001;  // of process 1, at a time when it was another

bool region_offset(const Teller& teller) {
  layout::Geometry& geometry = teller.image.superblock().geometry;
  const std::array<Offset*, 5> offsets{&geometry.slots_offset, &geometry.record_offset,
                                       &geometry.roots_offset, &geometry.page_map_offset,
                                       &geometry.heap_offset};
  teller.change(*offsets[teller.where % offsets.size()]);
  return true;
}

bool consistent_capacity(const Teller& teller) {
  const layout::Geometry& truth = teller.image.geometry();
  segment::OpenRequest request;
  request.capacity_bytes = truth.capacity_bytes + (1 + teller.what % 64) * page_bytes;
  request.reader_slots = truth.reader_slots + teller.where;
  const auto geometry = segment::plan_geometry(request);
  if (geometry) teller.image.superblock().geometry = *geometry;
  return geometry.has_value();
}

bool superblock_reserved(const Teller& teller) {
  layout::Superblock& block = teller.image.superblock();
  if (teller.where % 3 == 0) teller.change(block.reserved0);
  if (teller.where % 3 == 1) teller.change(block.reserved1[teller.what % 5]);
  if (teller.where % 3 == 2) teller.change(block.reserved2[teller.what % sizeof block.reserved2]);
  return true;
}

bool file_length(const Teller& teller) {
  const std::uint64_t pages = teller.image.file_bytes / page_bytes;
  constexpr std::uint64_t pages_max = 64;
  if (pages == 0) return false;
  if (teller.what % 3 == 0) teller.image.file_bytes -= 1 + teller.what / 3 % teller.image.file_bytes;
  if (teller.what % 3 == 1) teller.image.file_bytes += 1;
  if (teller.what % 3 == 2) teller.image.file_bytes = (teller.what / 3 + pages + 1) % pages_max * page_bytes;
  return true;
}

bool lease_origin(const Teller& teller) {
  layout::LeaseOrigin& origin = teller.image.lease().origin;
  if (teller.where % 3 == 0) teller.change(origin.boot_id[teller.what % sizeof origin.boot_id]);
  if (teller.where % 3 == 1) teller.change(origin.pid_namespace);
  if (teller.where % 3 == 2) teller.change(origin.time_namespace);
  teller.image.lease().checksum = segment::lease_checksum(origin);
  return true;
}

bool lease_reserved(const Teller& teller) {
  layout::Lease& lease = teller.image.lease();
  switch (teller.where % 6) {
    case 0:
      teller.change(lease.reserved0);
      break;
    case 1:
      teller.change(lease.reserved1);
      break;
    case 2:
      teller.change(lease.reserved2[teller.what % 5]);
      break;
    case 3:
      teller.change(lease.reserved3);
      break;
    case 4:
      teller.change(lease.reserved4[teller.what % 7]);
      break;
    default:
      teller.change(lease.reserved5[teller.what % sizeof lease.reserved5]);
      break;
  }
  return true;
}

/// Form 0 is a dead process's.
bool identity(const Teller& teller, std::uint64_t& word) {
  word = teller.what == 0 ? no_identity : teller.what * 0x9e37'79b9'7f4a'7c15;
  return true;
}

layout::Slot& some_slot(const Teller& teller) {
  return teller.image.slot(teller.where % teller.image.geometry().reader_slots);
}

/// Slots end where the record begins, or before.
bool slots_behind(const Teller& teller) {
  const layout::Geometry& geometry = teller.image.geometry();
  const Offset end = geometry.slots_offset + geometry.reader_slots * sizeof(layout::Slot);
  if (end == geometry.record_offset) return false;
  teller.change(teller.image.at<std::uint8_t>(end + teller.what % (geometry.record_offset - end)));
  return true;
}

/// One store that changes nothing, armed: what is wrong with it then is the lie.
layout::RecordEntry& arm(const Teller& teller) {
  layout::Record& record = teller.image.record();
  const Offset count_at = teller.image.geometry().roots_offset + offsetof(layout::Roots, key_count);
  if (record.armed == 0) {
    record.armed = layout::armed_mark;
    record.entry_count = 1;
    record.takeover_generation = teller.roots().generation + 1;
    teller.image.entry(0) = {count_at << 4 | 8, teller.roots().key_count};
  }
  const std::uint32_t last = std::clamp(record.entry_count, 1U, teller.image.geometry().record_entries) - 1;
  return teller.image.entry(last);
}

bool armed_target(const Teller& teller) {
  layout::RecordEntry& entry = arm(teller);
  const layout::Geometry& geometry = teller.image.geometry();
  const Offset generation_at = geometry.roots_offset + offsetof(layout::Roots, generation);
  const std::array<std::uint64_t, 9> targets{
      (page_bytes + offsetof(layout::Lease, checksum)) << 4 | 4,  // not the writer's to store
      entry.target | 3,
      (geometry.heap_offset + 4) << 4 | 8,
      geometry.capacity_bytes << 4 | 8,
      teller.roots().frontier * page_bytes << 4 | 8,
      generation_at << 4 | 8,
      geometry.record_offset << 4 | 8,
      UINT64_MAX,
      std::uint64_t{teller.what} << 4 | 8};
  entry.target = targets[teller.where % targets.size()];
  return true;
}

bool armed_value(const Teller& teller) {
  layout::RecordEntry& entry = arm(teller);
  entry.target = (teller.image.geometry().roots_offset + offsetof(layout::Roots, tree)) << 4 | 4;
  entry.value = std::uint64_t{1} << 32 | teller.what;
  return true;
}

bool armed_frontier(const Teller& teller) {
  layout::RecordEntry& entry = arm(teller);
  const std::size_t field =
      teller.where % 2 == 0 ? offsetof(layout::Roots, frontier) : offsetof(layout::Roots, backed);
  entry.target = (teller.image.geometry().roots_offset + field) << 4 | 8;
  entry.value = teller.image.geometry().capacity_bytes / page_bytes;
  teller.change(entry.value);
  return true;
}

bool armed_content(const Teller& teller) {
  layout::RecordEntry& entry = arm(teller);
  const std::array<std::size_t, 6> fields{
      offsetof(layout::Roots, key_count),    offsetof(layout::Roots, free_pages),
      offsetof(layout::Roots, epoch),        offsetof(layout::Roots, waiting_pages),
      offsetof(layout::Roots, partial_head), offsetof(layout::Roots, reserved4)};
  const Offset offset = teller.image.geometry().roots_offset + fields[teller.where % fields.size()];
  entry = {offset << 4 | 8, teller.image.at<std::uint64_t>(offset)};
  teller.change(entry.value);
  return true;
}

const Row rows[] = {
    {Lie::magic, "magic", [](const Teller& t) { return t.change(t.image.superblock().magic), true; }},
    {Lie::format_version, "format_version",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.format_version), true; }},
    {Lie::feature_bits, "feature_bits",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.feature_bits), true; }},
    {Lie::capacity, "capacity",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.capacity_bytes), true; }},
    {Lie::consistent_capacity, "consistent_capacity", consistent_capacity},
    {Lie::reader_slots, "reader_slots",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.reader_slots), true; }},
    {Lie::record_entries, "record_entries",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.record_entries), true; }},
    {Lie::region_offset, "region_offset", region_offset},
    {Lie::heap_pages, "heap_pages",
     [](const Teller& t) { return t.change(t.image.superblock().geometry.heap_pages), true; }},
    {Lie::superblock_checksum, "superblock_checksum",
     [](const Teller& t) { return t.change(t.image.superblock().checksum), true; }, true},
    {Lie::superblock_reserved, "superblock_reserved", superblock_reserved},
    {Lie::sealed_word, "sealed_word",
     [](const Teller& t) { return t.change(t.image.superblock().sealed), true; }},
    {Lie::content_checksum, "content_checksum",
     [](const Teller& t) { return t.change(t.image.superblock().content_checksum), true; }, true},
    {Lie::file_length, "file_length", file_length},
    {Lie::lease_checksum, "lease_checksum",
     [](const Teller& t) { return t.change(t.image.lease().checksum), true; }},
    {Lie::lease_origin, "lease_origin", lease_origin},
    {Lie::lease_reserved, "lease_reserved", lease_reserved},
    {Lie::writer_identity, "writer_identity",
     [](const Teller& t) { return identity(t, t.image.lease().writer); }},
    {Lie::view_identity, "view_identity",
     [](const Teller& t) { return identity(t, t.image.lease().views[t.where % layout::view_entries]); }},
    {Lie::turn_identity, "turn_identity", [](const Teller& t) { return identity(t, t.image.lease().turn); }},
    {Lie::opener_identity, "opener_identity",
     [](const Teller& t) { return identity(t, t.image.lease().opener); }},
    {Lie::wait_words, "wait_words",
     [](const Teller& t) {
       t.change(t.where % 2 == 0 ? t.image.lease().waiters : t.image.lease().wake_sequence);
       return true;
     }},
    {Lie::slots_high_water, "slots_high_water",
     [](const Teller& t) { return t.change(t.image.lease().slots_high_water), true; }},
    {Lie::slot_owner, "slot_owner", [](const Teller& t) { return identity(t, some_slot(t).owner); }},
    {Lie::slot_pin, "slot_pin", [](const Teller& t) { return t.change(some_slot(t).pin), true; }},
    {Lie::slot_reserved, "slot_reserved",
     [](const Teller& t) { return t.change(some_slot(t).reserved[t.what % 4]), true; }},
    {Lie::slots_behind, "slots_behind", slots_behind},
    {Lie::armed_word, "armed_word", [](const Teller& t) { return t.change(t.image.record().armed), true; }},
    {Lie::record_reserved, "record_reserved",
     [](const Teller& t) {
       if (t.where % 2 == 0) t.change(t.image.record().reserved0);
       if (t.where % 2 == 1) t.change(t.image.record().reserved1[t.what % 5]);
       return true;
     }},
    {Lie::armed_count, "armed_count",
     [](const Teller& t) {
       arm(t);
       t.image.record().entry_count = t.image.geometry().record_entries;
       return t.change(t.image.record().entry_count), true;
     }},
    {Lie::armed_generation, "armed_generation",
     [](const Teller& t) { return arm(t), t.change(t.image.record().takeover_generation), true; }},
    {Lie::armed_target, "armed_target", armed_target},
    {Lie::armed_value, "armed_value", armed_value},
    {Lie::armed_frontier, "armed_frontier", armed_frontier},
    {Lie::armed_content, "armed_content", armed_content},
    {Lie::sealed_and_armed, "sealed_and_armed",
     [](const Teller& t) {
       arm(t);
       t.image.superblock().sealed = layout::sealed_mark;
       return true;
     }},
};

}  // namespace

std::span<const Row> door_rows() { return rows; }

}  // namespace radish::image
