// The instrumented library's seam: the production seam, which reports each store to the recorder, and asks it
// to sleep and to wake.
#pragma once

#include "../recorder/recorder.h"
#include "sync/seam.h"

namespace radish::crashpoints {

struct RecordingSeam : sync::ProductionSeam {
  template <class Word>
  static Word load(const Word& word, std::memory_order order) {
    meet_load();
    const Word value = ProductionSeam::load(word, order);
    meet_load();  // what is read through the reference that was loaded may change before it is read
    return value;
  }
  template <class Word>
  static void store(Word& word, Word value, std::memory_order order) {
    meet_store();
    announce_store(&word, sizeof word);
    ProductionSeam::store(word, value, order);
    record_store(order == std::memory_order_relaxed ? Order::free : Order::release);
  }
  template <class Word>
  static bool compare_exchange(Word& word, Word expected, Word desired) {
    meet_store();
    announce_store(&word, sizeof word);
    const bool exchanged = ProductionSeam::compare_exchange(word, expected, desired);
    record_store(Order::total);
    return exchanged;
  }
  template <class Word>
  static Word fetch_add(Word& word, Word delta) {
    meet_store();
    announce_store(&word, sizeof word);
    const Word before = ProductionSeam::fetch_add(word, delta);
    record_store(Order::total);
    return before;
  }
  static void fill(std::byte* target, const void* source, std::size_t bytes) {
    announce_store(target, bytes);
    ProductionSeam::fill(target, source, bytes);
    record_fill();
  }
  static void futex_wait(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns) {
    if (!sleep_as_led(word, expected, timeout_ns)) ProductionSeam::futex_wait(word, expected, timeout_ns);
  }
  static void futex_wake_all(const std::uint32_t& word) {
    if (!wake_as_led()) ProductionSeam::futex_wake_all(word);
  }
  static void fence() {
    ProductionSeam::fence();
    record_barrier();
  }
  static void compiler_fence() {
    ProductionSeam::compiler_fence();
    record_barrier();
  }
};

}  // namespace radish::crashpoints

namespace radish {
using Seam = crashpoints::RecordingSeam;
}
