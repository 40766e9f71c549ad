// Every store of the toy table to shared memory goes by here. In the instrumented build (TOY_RECORDED) each
// is reported to the explorer's recorder, and the table can be told to be one of its broken variants.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef TOY_RECORDED
#include "crashpoints/recorder/recorder.h"
#endif

namespace radish::toy {

using Word = std::uint64_t;

/// What is wrong with each of them is said where it does it.
enum class Twin : std::uint8_t {
  none,
  value_before_key_published,
  count_apart,
  armed_in_any_order,
  erase_leaves_record_armed,
  recovery_forgets_count,
  takeover_uncounted,
  erase_breaks_chains,
  count_round_the_reports,
  count_unseen,
  aborts,
  killed_by_a_stranger,
  takes_its_time,
  sleeps_for_ever,
  loops_for_ever,
  fills_by_turns,
};

#ifdef TOY_RECORDED
inline Twin impersonated = Twin::none;
inline bool is(Twin twin) { return impersonated == twin; }
using crashpoints::announce_store;
inline void record_store(bool free) {
  crashpoints::record_store(free ? crashpoints::Order::free : crashpoints::Order::release);
}
inline void record_exchange() { crashpoints::record_store(crashpoints::Order::total); }
#else
constexpr bool is(Twin) { return false; }
inline void announce_store(const void*, std::size_t) {}
inline void record_store(bool) {}
inline void record_exchange() {}
#endif

inline Word load(const Word& word) {
  return std::atomic_ref(const_cast<Word&>(word)).load(std::memory_order_acquire);
}

/// In any order with its neighbours: nobody looks at it yet.
inline void fill(Word& word, Word value) {
  announce_store(&word, sizeof word);
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
  record_store(true);
}

/// After everything before it.
inline void publish(Word& word, Word value) {
  announce_store(&word, sizeof word);
  std::atomic_ref(word).store(value, std::memory_order_release);
  record_store(false);
}

inline bool exchange(Word& word, Word expected, Word desired) {
  announce_store(&word, sizeof word);
  const bool exchanged = std::atomic_ref(word).compare_exchange_strong(expected, desired);
  record_exchange();
  return exchanged;
}

/// A store that is not reported. Of that of count_unseen not even the compiler knows: it is done by a
/// function that it did not compile.
inline void store_unreported(Word& word, Word value) {
  if (!is(Twin::count_unseen)) {
    *static_cast<volatile Word*>(&word) = value;
  } else {
    void* (*volatile copy)(void*, const void*, std::size_t) = std::memcpy;
    copy(&word, &value, sizeof word);
  }
}

}  // namespace radish::toy
