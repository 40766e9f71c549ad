#include "image.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "heap/page_shape.h"
#include "segment/segment.h"
#include "sync/identity.h"

namespace radish::crashpoints {
namespace {

/// Whether the lease can be read and is of this boot and these namespaces.
bool lease_is_ours(const layout::Lease& lease) {
  static const auto own = sync::own_origin();
  return lease.checksum == segment::lease_checksum(lease.origin) && own && lease.origin == *own;
}

/// An image's regions. Images are the explorer's own copies: nobody changes them meanwhile.
struct Regions {
  const std::byte* base;
  const layout::Superblock& superblock = *reinterpret_cast<const layout::Superblock*>(base);
  const layout::Geometry& geometry = superblock.geometry;
  const layout::Lease& lease = *reinterpret_cast<const layout::Lease*>(base + layout::page_bytes);
  const layout::Slot* slots = reinterpret_cast<const layout::Slot*>(base + geometry.slots_offset);
  const layout::Record& record = *reinterpret_cast<const layout::Record*>(base + geometry.record_offset);
  const layout::Roots& roots = *reinterpret_cast<const layout::Roots*>(base + geometry.roots_offset);
  const std::uint64_t* page_map = reinterpret_cast<const std::uint64_t*>(base + geometry.page_map_offset);

  explicit Regions(const std::byte* image) : base(image) {}
  [[nodiscard]] bool is_free(std::uint64_t page) const { return (page_map[page / 64] >> page % 64 & 1) != 0; }
};

/// Of words, in four lanes that do not wait for one another; the last bytes are filled up with zeros.
class Hash {
 public:
  void add(std::uint64_t word) {
    std::uint64_t& lane = lanes_[count_++ % lanes_.size()];
    lane = (lane ^ word) * 0x100000001b3ULL ^ lane >> 29;
  }
  void add(const void* bytes, std::size_t count) {
    const auto* at = static_cast<const std::byte*>(bytes);
    for (; count >= 8; at += 8, count -= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, 8);
      add(word);
    }
    if (count == 0) return;
    std::uint64_t rest = 0;
    std::memcpy(&rest, at, count);
    add(rest);
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t value = count_;
    for (const std::uint64_t lane : lanes_) value = (value ^ value >> 31 ^ lane) * 0x9e3779b97f4a7c15ULL;
    return value ^ value >> 32;
  }

 private:
  std::uint64_t count_ = 0;
  std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
};

/// A page in use: its header and the slots that are not free. The pages it takes.
std::uint64_t add_page(Hash& hash, const std::byte* page) {
  std::uint32_t first = 0;
  std::memcpy(&first, page, sizeof first);
  const auto shape = heap::PageShape::of(first);
  if (!shape) {
    hash.add(page, layout::page_bytes);
    return 1;
  }
  const auto& header = *reinterpret_cast<const layout::PageHeader*>(page);
  hash.add(&header, sizeof header);
  for (std::uint32_t slot = 0; slot < shape->slots(); ++slot)
    if ((header.free[slot / 64] >> slot % 64 & 1) == 0)
      hash.add(page + sizeof header + std::size_t{slot} * shape->slot_bytes(), shape->slot_bytes());
  return shape->pages;
}

}  // namespace

std::uint64_t extent_of(const std::byte* image, std::uint64_t more_pages) {
  const Regions at(image);
  const std::uint64_t pages = at.roots.frontier + more_pages;
  return std::min(pages * layout::page_bytes, at.geometry.capacity_bytes);
}

Debts debts_of(const std::byte* image) {
  const Regions at(image);
  const bool armed = at.record.armed != 0;
  const bool alone = !lease_is_ours(at.lease);
  return {.takeovers = at.roots.generation,
          .owed = at.lease.writer != 0 || alone,
          .armed = armed,
          .counted = armed && at.roots.generation >= at.record.takeover_generation,
          .final = at.superblock.sealed != 0,
          .alone = alone,
          .shared = std::ranges::any_of(at.lease.views, [](std::uint64_t view) { return view != 0; }),
          .waits = at.roots.waiting_pages != 0 || at.roots.condemned_ready != 0 ||
                   at.roots.condemned_old != 0 || at.roots.condemned_young != 0,
          .reads = std::any_of(at.slots, at.slots + at.geometry.reader_slots,
                               [](const layout::Slot& slot) { return slot.pin != 0; })};
}

bool announce_read(std::byte* image) {
  const Regions at(image);
  for (std::uint32_t index = 0; index < at.geometry.reader_slots; ++index) {
    layout::Slot slot = at.slots[index];
    if (slot.owner == 0 || slot.owner != sync::cached_identity()) continue;
    slot.pin = at.roots.epoch;
    std::memcpy(image + at.geometry.slots_offset + index * sizeof slot, &slot, sizeof slot);
    return true;
  }
  return false;
}

void damage(std::byte* image, std::uint32_t kind) {
  layout::Lease lease = Regions(image).lease;
  if (kind == 0)
    ++lease.checksum;
  else
    ++lease.origin.boot_id[0];
  if (kind != 0) lease.checksum = segment::lease_checksum(lease.origin);
  std::memcpy(image + layout::page_bytes, &lease, sizeof lease);
}

namespace {

/// Who is named does not matter: all of them are dead, or the witness, who is the same in all images.
void add_lease(Hash& hash, const Regions& at) {
  hash.add(&at.lease.origin, sizeof at.lease.origin + sizeof at.lease.checksum);
  hash.add(at.lease.waiters);
  hash.add(at.lease.slots_high_water);
  const auto add_noise = [&](std::uint64_t word) { hash.add(std::uint64_t{word != 0}); };
  add_noise(at.lease.opener);
  add_noise(at.lease.writer);
  add_noise(at.lease.turn);
  for (const std::uint64_t view : at.lease.views) add_noise(view);
  for (std::uint32_t slot = 0; slot < at.geometry.reader_slots; ++slot) {
    add_noise(at.slots[slot].owner);
    hash.add(at.slots[slot].pin);
    hash.add(at.slots[slot].met_pin);
  }
}

/// Pages in use, without their free slots.
void add_heap(Hash& hash, const Regions& at) {
  const std::uint64_t first = at.geometry.heap_offset / layout::page_bytes;
  hash.add(at.page_map, (first - at.geometry.page_map_offset / layout::page_bytes) * layout::page_bytes);
  for (std::uint64_t page = first; page < at.roots.frontier;)
    page += at.is_free(page) ? 1 : add_page(hash, at.base + page * layout::page_bytes);
}

}  // namespace

/// Who takes over writes a record over the one that is there, so that counts if somebody must. What an armed
/// record is about to take into use is free still: then everything counts.
std::uint64_t digest_of(const std::byte* image, std::uint64_t bytes) {
  const Regions at(image);
  const layout::Geometry& geometry = at.geometry;
  Hash hash;
  hash.add(at.superblock.sealed);
  hash.add(at.superblock.content_checksum);
  add_lease(hash, at);
  hash.add(&at.roots, sizeof at.roots);
  hash.add(image + geometry.roots_offset + layout::page_bytes,
           layout::named_roots * sizeof(layout::RootEntry));
  if (at.record.armed != 0) {
    hash.add(image + geometry.record_offset, bytes - geometry.record_offset);
    return hash.value();
  }
  if (at.lease.writer != 0) hash.add(&at.record, geometry.roots_offset - geometry.record_offset);
  add_heap(hash, at);
  return hash.value();
}

void noise_of(const std::byte* image, PieceSink sink, void* context) {
  const Regions at(image);
  const auto tell = [&](const std::uint64_t& word) {
    sink(context,
         {static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&word) - image), sizeof word});
  };
  tell(at.lease.opener);
  tell(at.lease.heartbeat);
  tell(at.lease.writer);
  tell(at.lease.turn);
  for (const std::uint64_t& view : at.lease.views) tell(view);
  for (std::uint32_t slot = 0; slot < at.geometry.reader_slots; ++slot) {
    tell(at.slots[slot].owner);
    tell(at.slots[slot].met_ns);
  }
}

}  // namespace radish::crashpoints
