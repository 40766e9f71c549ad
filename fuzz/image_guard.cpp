// Pages that nobody may touch on both sides of each mapping of a segment, so that a step beyond its bounds
// ends the process. The linker hands every call of mmap and munmap here (--wrap).
#include <sys/mman.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

extern "C" void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                             off_t offset);
extern "C" int __real_munmap(void* address, std::size_t bytes);

namespace {

// More than the longest node that a hostile header can claim, and than 256 slots of the largest class.
constexpr std::size_t guard_bytes = 1 << 20;

struct Guarded {
  void* base = nullptr;
  std::size_t bytes = 0;
};
std::array<Guarded, 16> guarded;

Guarded* find(void* base) {
  for (Guarded& one : guarded)
    if (one.base == base) return &one;
  return nullptr;
}

std::byte* before(void* base) { return static_cast<std::byte*>(base) - guard_bytes; }

}  // namespace

extern "C" void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                             off_t offset) {
  // What a segment's mapping begins with: addresses alone, to be mapped over.
  const bool segment = address == nullptr && protection == PROT_NONE && (flags & MAP_NORESERVE) != 0;
  Guarded* const free = find(nullptr);
  if (!segment || free == nullptr) return __real_mmap(address, bytes, protection, flags, descriptor, offset);
  void* whole = __real_mmap(nullptr, bytes + 2 * guard_bytes, PROT_NONE, flags, -1, 0);
  if (whole == MAP_FAILED) return whole;
  *free = {static_cast<std::byte*>(whole) + guard_bytes, bytes};
  return free->base;
}

extern "C" int __wrap_munmap(void* address, std::size_t bytes) {
  Guarded* const known = address == nullptr ? nullptr : find(address);
  if (known == nullptr || known->bytes != bytes) return __real_munmap(address, bytes);
  *known = {};
  return __real_munmap(before(address), bytes + 2 * guard_bytes);
}
