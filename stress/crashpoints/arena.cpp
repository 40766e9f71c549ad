#include "crashpoints/arena.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace radish::crashpoints {

Arena::Arena(const Subject& subject, std::uint64_t capacity_bytes)
    : subject_(subject), descriptor_(subject.make(capacity_bytes)) {
  struct stat status{};
  if (descriptor_ < 0 || fstat(descriptor_, &status) != 0)
    throw std::runtime_error("the subject makes nothing");
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  void* base = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (base == MAP_FAILED) throw std::runtime_error("cannot map the subject's file");
  base_ = static_cast<std::byte*>(base);
}

Arena::~Arena() {
  munmap(base_, bytes_);
  close(descriptor_);
}

Image Arena::image() const { return {base_, base_ + subject_.extent(base_)}; }

void Arena::show(const Image& image) const {
  const std::uint64_t dirty = std::min(bytes_, subject_.extent(base_));
  if (dirty > image.size()) std::memset(base_ + image.size(), 0, dirty - image.size());
  std::memcpy(base_, image.data(), image.size());
}

}  // namespace radish::crashpoints
