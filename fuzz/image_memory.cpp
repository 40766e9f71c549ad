#include "fuzz/image_memory.h"

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstddef>

namespace radish::image {
namespace {

// Trials run on one thread; what other threads of the fuzzer take is not counted.
thread_local bool watched = false;
thread_local std::int64_t held_bytes = 0;
thread_local std::int64_t most_bytes = 0;

void note_taken(const volatile void*, std::size_t bytes) {
  if (!watched) return;
  held_bytes += static_cast<std::int64_t>(bytes);
  most_bytes = std::max(most_bytes, held_bytes);
}

void note_given_back(const volatile void* block) {
  if (watched && block != nullptr)
    held_bytes -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(block));
}

}  // namespace

MemoryWatch::MemoryWatch() {
  [[maybe_unused]] static const int installed =
      __sanitizer_install_malloc_and_free_hooks(note_taken, note_given_back);
  held_bytes = most_bytes = 0;
  watched = true;
}

MemoryWatch::~MemoryWatch() { watched = false; }

std::int64_t MemoryWatch::peak_bytes() { return most_bytes; }

}  // namespace radish::image
