// The seam: the one policy through which floors 1 and 2 reach atomics, fences, futexes, the clock, the
// liveness of processes and stores to shared memory. In production it is the processor itself; a checking
// build names a header of its own in RADISH_SEAM_HEADER and counts, delays or kills at each of these points.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "segment/twin.h"
#include "sync/liveness.h"

namespace radish::sync {

using radish::Twin;

struct ProductionSeam {
  template <class Word>
  static Word load(const Word& word, std::memory_order order) {
    return std::atomic_ref<Word>(const_cast<Word&>(word)).load(order);
  }
  template <class Word>
  static void store(Word& word, Word value, std::memory_order order) {
    std::atomic_ref<Word>(word).store(value, order);
  }
  template <class Word>
  static bool compare_exchange(Word& word, Word expected, Word desired) {
    return std::atomic_ref<Word>(word).compare_exchange_strong(expected, desired);
  }
  template <class Word>
  static Word fetch_add(Word& word, Word delta) {
    return std::atomic_ref<Word>(word).fetch_add(delta);
  }
  /// Fills memory that nobody reads, or whose content is ignored; while alone, coordination too.
  static void fill(std::byte* target, const void* source, std::size_t bytes) {
    if (bytes != 0) std::memmove(target, source, bytes);  // hostile blocks may overlap
  }
  static void fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
  static void compiler_fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

  static void spin_pause();
  static void futex_wait(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns);
  static void futex_wake_all(const std::uint32_t& word);
  static std::uint64_t now_ns();
  /// Nanoseconds since the epoch, for observers only.
  static std::uint64_t wall_clock_ns();
  static bool certainly_dead(Identity identity, const MappingKey& mapping) {
    return sync::certainly_dead(identity, mapping);
  }
  static bool has_ended(Identity identity) { return sync::has_ended(identity); }
};

}  // namespace radish::sync

#ifdef RADISH_SEAM_HEADER
#include RADISH_SEAM_HEADER
#else
namespace radish {
using Seam = sync::ProductionSeam;
}
#endif
