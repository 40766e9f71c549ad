// The linker hands every call of mmap and munmap here (--wrap).
#include "fuzz/image_guard.h"

#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdlib>

extern "C" void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                             off_t offset);
extern "C" int __real_munmap(void* address, std::size_t bytes);

namespace {

// More than the longest node that a hostile header can claim, and than 256 slots of the largest class.
constexpr std::size_t guard_bytes = 1 << 20;

struct Guarded {
  void* base = nullptr;
  std::size_t bytes = 0;
  int protection = PROT_NONE;
};
std::array<Guarded, 16> guarded;

Guarded* find(void* base) {
  for (Guarded& one : guarded)
    if (one.base == base) return &one;
  return nullptr;
}

std::byte* before(void* base) { return static_cast<std::byte*>(base) - guard_bytes; }

void protect(const Guarded& one, std::uint64_t offset, int protection) {
  if (one.base == nullptr || offset >= one.bytes) return;
  if (mprotect(static_cast<std::byte*>(one.base) + offset, one.bytes - offset, protection) != 0) std::abort();
}

}  // namespace

extern "C" void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                             off_t offset) {
  // What a segment's mapping begins with: addresses alone, to be mapped over.
  const bool segment = address == nullptr && protection == PROT_NONE && (flags & MAP_NORESERVE) != 0;
  Guarded* const known = find(segment ? nullptr : address);
  if (known != nullptr && known->bytes == bytes) known->protection = protection;
  if (!segment || known == nullptr) return __real_mmap(address, bytes, protection, flags, descriptor, offset);
  void* whole = __real_mmap(nullptr, bytes + 2 * guard_bytes, PROT_NONE, flags, -1, 0);
  if (whole == MAP_FAILED) return whole;
  *known = {static_cast<std::byte*>(whole) + guard_bytes, bytes};
  return known->base;
}

extern "C" int __wrap_munmap(void* address, std::size_t bytes) {
  Guarded* const known = address == nullptr ? nullptr : find(address);
  if (known == nullptr || known->bytes != bytes) return __real_munmap(address, bytes);
  *known = {};
  return __real_munmap(before(address), bytes + 2 * guard_bytes);
}

namespace radish::image {

Shut::Shut(std::uint64_t offset) : offset_(offset) {
  for (const Guarded& one : guarded) protect(one, offset_, PROT_NONE);
}

Shut::~Shut() {
  for (const Guarded& one : guarded) protect(one, offset_, one.protection);
}

}  // namespace radish::image
