#include "torture/lease_watch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "torture/violation.h"

namespace radish::stress::torture {
namespace {

template <class Word>
Word load(const Word& word) {
  return std::atomic_ref(const_cast<Word&>(word)).load(std::memory_order_acquire);
}

pid_t pid_of(std::uint64_t identity) { return static_cast<pid_t>(layout::identity_pid(identity)); }

}  // namespace

LeaseWatch::LeaseWatch(int descriptor) {
  layout::Superblock superblock{};
  if (pread(descriptor, &superblock, sizeof superblock, 0) != sizeof superblock ||
      superblock.magic != layout::magic_ready)
    throw Violation("there is a file at the segment's path that is no segment yet");
  geometry_ = superblock.geometry;
  bytes_ = geometry_.heap_offset;
  void* base = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, descriptor, 0);
  if (base == MAP_FAILED) throw std::runtime_error("cannot map what is to be watched");
  base_ = static_cast<std::byte*>(base);
  // A child that maps the file in passing would look attached to whoever examines it.
  madvise(base_, bytes_, MADV_DONTFORK);
}

LeaseWatch::~LeaseWatch() { munmap(base_, bytes_); }

const layout::Lease& LeaseWatch::lease() const {
  return *reinterpret_cast<const layout::Lease*>(base_ + layout::page_bytes);
}

pid_t LeaseWatch::writer() const { return pid_of(writer_identity()); }

std::uint64_t LeaseWatch::writer_identity() const { return load(lease().writer); }

bool LeaseWatch::armed() const {
  return load(reinterpret_cast<const layout::Record*>(base_ + geometry_.record_offset)->armed) != 0;
}

std::uint64_t LeaseWatch::generation() const {
  return load(reinterpret_cast<const layout::Roots*>(base_ + geometry_.roots_offset)->generation);
}

std::vector<pid_t> LeaseWatch::view_holders() const {
  std::vector<pid_t> found;
  for (const std::uint64_t& view : lease().views)
    if (const std::uint64_t holder = load(view); holder != 0) found.push_back(pid_of(holder));
  return found;
}

std::vector<pid_t> LeaseWatch::pinning() const {
  std::vector<pid_t> found;
  const auto* slots = reinterpret_cast<const layout::Slot*>(base_ + geometry_.slots_offset);
  const std::uint32_t count = std::min(load(lease().slots_high_water), geometry_.reader_slots);
  for (std::uint32_t index = 0; index < count; ++index)
    if (const std::uint64_t owner = load(slots[index].owner); owner != 0 && load(slots[index].pin) != 0)
      found.push_back(pid_of(owner));
  return found;
}

}  // namespace radish::stress::torture
