#include "segment/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "segment/builder.h"
#include "segment/system.h"

namespace radish::segment {

Segment::Segment(Segment&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      geometry_(other.geometry_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_),
      read_only_(other.read_only_),
      huge_pages_(other.huge_pages_),
      path_(std::move(other.path_)) {}

Segment& Segment::operator=(Segment&& other) noexcept {
  Segment taken(std::move(other));
  std::swap(base_, taken.base_);
  std::swap(geometry_, taken.geometry_);
  std::swap(descriptor_, taken.descriptor_);
  std::swap(device_, taken.device_);
  std::swap(inode_, taken.inode_);
  std::swap(read_only_, taken.read_only_);
  std::swap(huge_pages_, taken.huge_pages_);
  std::swap(path_, taken.path_);
  return *this;
}

Segment::~Segment() {
  SegmentBuilder::unmap(*this);
  if (descriptor_ >= 0 && (inode_ == 0 || check_descriptor())) close(descriptor_);
}

Expected<void> Segment::check_descriptor() const {
  struct stat status{};
  if (fstat(descriptor_, &status) != 0) return system_fault("the segment's descriptor is closed");
  if (status.st_dev != device_ || status.st_ino != inode_)
    return fault(Code::io, "the segment's descriptor was closed, and its number is another file's", EBADF);
  return {};
}

Expected<void> Segment::back_pages(std::uint64_t first, std::uint64_t end) const {
  require(first <= end && end <= geometry_.pages(), "pages lie in the segment");
  RADISH_TRY(check_descriptor());
  RADISH_TRY(allocate(descriptor_, first * layout::page_bytes, end * layout::page_bytes,
                      Unallocatable::write_zeros));
  if (huge_pages_) ask_for_huge_pages(first, end);
  return {};
}

void Segment::use_huge_pages() {
  huge_pages_ = true;
  // In steps, between which a signal can end the process, and a trim is seen.
  constexpr std::uint64_t step_pages = 8 * huge_page_bytes / layout::page_bytes;
  for (std::uint64_t first = 0;; first += step_pages) {
    // Pairs with the release by which a transaction stores it: what it says is backed by then.
    const std::uint64_t backed = std::atomic_ref(roots().backed).load(std::memory_order_acquire);
    const std::uint64_t end = std::min(backed, geometry_.pages());
    if (first >= end) return;
    ask_for_huge_pages(first, std::min(first + step_pages, end));
  }
}

void Segment::ask_for_huge_pages(std::uint64_t first, std::uint64_t end) const {
#ifndef MADV_COLLAPSE
  constexpr int MADV_COLLAPSE = 25;  // since Linux 6.1
#endif
  // Those that are now promised whole: a hole would be filled with memory that nobody was asked for.
  const std::uint64_t from = first * layout::page_bytes / huge_page_bytes * huge_page_bytes;
  const std::uint64_t to = end * layout::page_bytes / huge_page_bytes * huge_page_bytes;
  if (from < to) (void)madvise(base_ + from, to - from, MADV_COLLAPSE);
}

Expected<void> Segment::back_again(std::uint64_t end) const {
  require(end <= geometry_.pages(), "pages lie in the segment");
  return allocate(descriptor_, geometry_.heap_offset, end * layout::page_bytes, Unallocatable::rewrite);
}

Expected<std::uint64_t> Segment::give_back_pages(std::uint64_t first) const {
  require(first <= geometry_.pages(), "pages lie in the segment");
  RADISH_TRY(check_descriptor());
  const std::uint64_t begin = first * layout::page_bytes;
  const auto before = stored_bytes(descriptor_);
  RADISH_TRY(before);
  if (begin != geometry_.capacity_bytes) RADISH_TRY(punch(descriptor_, begin, geometry_.capacity_bytes));
  const auto after = stored_bytes(descriptor_);
  RADISH_TRY(after);
  return *before - std::min(*before, *after);
}

Expected<void> Segment::sync() const {
  if (msync(base_, geometry_.capacity_bytes, MS_SYNC) != 0) return system_fault("cannot sync the segment");
  return {};
}

Opening::Opening(Opening&& other) noexcept = default;

Opening::~Opening() {
  if (segment_.descriptor_ < 0) return;
  SegmentBuilder::clear_opener(*this);
  // Closing is not enough: a child of _Fork may share the description.
  (void)set_lock(segment_.descriptor_, F_UNLCK, attach_lock_byte);
  (void)set_lock(segment_.descriptor_, F_UNLCK, open_lock_byte);
  guard_.release();  // F2: before anything is unmapped or closed
}

Expected<Segment> Opening::finish() && {
  if (alone_) {
    const auto shared = set_lock(segment_.descriptor_, F_RDLCK, attach_lock_byte);
    RADISH_TRY(shared);
    require(*shared, "an exclusive lock can be made a shared one");
  }
  SegmentBuilder::clear_opener(*this);
  RADISH_TRY(set_lock(segment_.descriptor_, F_UNLCK, open_lock_byte));
  guard_.release();
  return std::move(segment_);
}

}  // namespace radish::segment
