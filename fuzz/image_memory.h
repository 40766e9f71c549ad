// What a call of the library takes from the heap of its process, counted by the sanitizer's hooks.
#pragma once

#include <cstdint>

namespace radish::image {

/// Counts from its beginning to its end. Not for two at once.
class MemoryWatch {
 public:
  MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;
  ~MemoryWatch();
  /// The most that was taken at once, beyond what was there at the beginning.
  [[nodiscard]] static std::int64_t peak_bytes();
};

}  // namespace radish::image
