#include "fuzz/image_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace radish::image {
namespace {

using layout::page_bytes;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Pages::Pages(std::span<const std::byte> bytes, std::size_t room_behind)
    : bytes_(layout::round_up(bytes.size() + room_behind, page_bytes)), used_(bytes_ / page_bytes + 1) {
  map();
  for (std::size_t at = 0; at < bytes.size(); at += page_bytes) {
    const auto page = bytes.subspan(at, std::min<std::size_t>(page_bytes, bytes.size() - at));
    if (is_zero(page)) continue;
    used_[at / page_bytes] = 1;
    std::memcpy(base_ + at, page.data(), page.size());
  }
}

Pages::Pages(const Pages& other) : bytes_(other.bytes_), used_(other.used_.size()) {
  map();
  *this = other;
}

Pages::Pages(Pages&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), bytes_(other.bytes_), used_(std::move(other.used_)) {}

Pages& Pages::operator=(const Pages& other) {
  if (this == &other) return *this;
  if (bytes_ != other.bytes_) {
    Pages copy(other);
    return *this = std::move(copy);
  }
  for (std::size_t page = 0; page < bytes_ / page_bytes; ++page) {
    if (other.used_[page] != 0)
      std::memcpy(base_ + page * page_bytes, other.base_ + page * page_bytes, page_bytes);
    else if (used_[page] != 0)
      std::memset(base_ + page * page_bytes, 0, page_bytes);
  }
  used_ = other.used_;
  return *this;
}

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(used_, other.used_);
  return *this;
}

Pages::~Pages() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

void Pages::map() {
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* base = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<std::byte*>(base);
}

std::vector<Extent> Pages::extents(layout::Offset end) const {
  std::vector<Extent> extents;
  const std::size_t pages = std::min<std::size_t>(end, bytes_) / page_bytes;
  for (std::size_t page = 0; page < pages; ++page) {
    if (used_[page] == 0) continue;
    const std::size_t first = page;
    while (page + 1 < pages && used_[page + 1] != 0) ++page;
    extents.push_back({first * page_bytes, {base_ + first * page_bytes, (page + 1 - first) * page_bytes}});
  }
  return extents;
}

}  // namespace radish::image
