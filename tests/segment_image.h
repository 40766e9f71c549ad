// What a segment holds at one moment, and its return to it while handles are attached.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "segment/layout.h"

namespace radish::tests {

class SegmentImage {
 public:
  using Bytes = std::vector<std::byte>;

  /// Of the segment behind a descriptor, as far as a mutation from now on that takes so many new pages may
  /// change it.
  SegmentImage(int descriptor, std::size_t capacity_bytes, std::size_t new_pages)
      : capacity_bytes_(capacity_bytes) {
    void* mapped = mmap(nullptr, capacity_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(mapped);
    bytes_ = std::min((roots().frontier + new_pages) * layout::page_bytes, capacity_bytes);
    first_ = now();
  }
  SegmentImage(const SegmentImage&) = delete;
  SegmentImage& operator=(const SegmentImage&) = delete;
  ~SegmentImage() { munmap(base_, capacity_bytes_); }

  [[nodiscard]] Bytes now() const { return {base_, base_ + bytes_}; }
  /// True if no more could have changed than an image holds.
  [[nodiscard]] bool holds_all() const { return roots().frontier * layout::page_bytes <= bytes_; }
  [[nodiscard]] bool shows(const Bytes& image) const {
    return std::memcmp(base_, image.data(), image.size()) == 0;
  }
  /// Goes back to an image, but for the slots, which belong to those attached.
  void show(const Bytes& image) const {
    layout::Lease& lease = *reinterpret_cast<layout::Lease*>(base_ + layout::page_bytes);
    const auto& old = *reinterpret_cast<const layout::Lease*>(image.data() + layout::page_bytes);
    lease.writer = old.writer;
    lease.turn = old.turn;
    std::copy(std::begin(old.views), std::end(old.views), lease.views);
    const auto first = static_cast<std::ptrdiff_t>(geometry().record_offset);
    std::copy(image.begin() + first, image.end(), base_ + first);
  }
  /// To what was there at first.
  void restore() const { show(first_); }

  /// The redo record of the segment.
  [[nodiscard]] bool armed() const {
    return reinterpret_cast<const layout::Record*>(base_ + geometry().record_offset)->armed != 0;
  }

 private:
  [[nodiscard]] const layout::Geometry& geometry() const {
    return reinterpret_cast<const layout::Superblock*>(base_)->geometry;
  }
  [[nodiscard]] const layout::Roots& roots() const {
    return *reinterpret_cast<const layout::Roots*>(base_ + geometry().roots_offset);
  }

  std::size_t capacity_bytes_;
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  Bytes first_;
};

}  // namespace radish::tests
