// The linker hands every call of mmap and munmap here (--wrap).
#include "fuzz/image_guard.h"

#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "segment/segment.h"

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
  void* whole = nullptr;  ///< with what guards it
  std::size_t whole_bytes = 0;
};
std::array<Guarded, 16> guarded;

Guarded* find(void* base) {
  for (Guarded& one : guarded)
    if (one.base == base) return &one;
  return nullptr;
}

/// Whose last bytes these are.
Guarded* find_end(void* address, std::size_t bytes) {
  for (Guarded& one : guarded)
    if (one.base != nullptr && bytes < one.bytes &&
        static_cast<std::byte*>(one.base) + one.bytes == static_cast<std::byte*>(address) + bytes)
      return &one;
  return nullptr;
}

/// Where a segment begins as it would without a guard: with nothing to be given back before it.
std::byte* aligned(void* address) {
  constexpr std::uint64_t unit = radish::segment::huge_page_bytes;
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  return static_cast<std::byte*>(address) + (radish::layout::round_up(number, unit) - number);
}

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
  const std::size_t whole_bytes = bytes + 2 * guard_bytes + radish::segment::huge_page_bytes;
  void* whole = __real_mmap(nullptr, whole_bytes, PROT_NONE, flags, -1, 0);
  if (whole == MAP_FAILED) return whole;
  *known = {.base = aligned(static_cast<std::byte*>(whole) + guard_bytes),
            .bytes = bytes,
            .whole = whole,
            .whole_bytes = whole_bytes};
  return known->base;
}

extern "C" int __wrap_munmap(void* address, std::size_t bytes) {
  Guarded* const known = address == nullptr ? nullptr : find(address);
  if (known != nullptr && known->bytes == bytes) {
    const Guarded gone = std::exchange(*known, {});
    return __real_munmap(gone.whole, gone.whole_bytes);
  }
  Guarded* const shortened = find_end(address, bytes);
  if (shortened == nullptr) return __real_munmap(address, bytes);
  shortened->bytes -= bytes;  // of addresses alone: they guard what is left
  return 0;
}

namespace radish::image {

Shut::Shut(std::uint64_t offset) : offset_(offset) {
  for (const Guarded& one : guarded) protect(one, offset_, PROT_NONE);
}

Shut::~Shut() {
  for (const Guarded& one : guarded) protect(one, offset_, one.protection);
}

}  // namespace radish::image
