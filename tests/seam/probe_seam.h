// The checking build's seam: the production seam, with a point before every event at which a test can count,
// kill, stop or do something else.
//
// Invariants
//   P1  Nothing is watched unless the calling thread asked for it: a probe belongs to one thread, and a child
//       that the thread forks inherits it.
//   P2  What a hook itself does is not watched.
//   P3  An event is a load, store, compare-and-swap, addition, piece of a fill, fence, futex call or question
//       about liveness. A fill is two pieces, so that a death can fall into its middle.
//   P4  Stores, compare-and-swaps, additions and pieces of fills are writes: what shared memory looks like
//       changes at these only, so every crash state is that before some write, or that at the end.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <utility>

#include "sync/seam.h"

namespace radish::probe {

enum class Watched { nothing, writes, events };

struct Probe {
  Watched watched = Watched::nothing;
  std::uint64_t seen = 0;
  std::uint64_t trigger = 0;                    ///< acts before this one, from 1; 0: before each
  const std::function<void()>* hook = nullptr;  ///< how it acts; without one it kills the process
  bool counts_only = true;
};

constinit inline thread_local Probe current;
/// The clock goes on by so much each time it is asked.
constinit inline thread_local std::uint64_t clock_step_ns = 0;
constinit inline thread_local std::uint64_t clock_ahead_ns = 0;
inline Twin& twin = impersonated;

inline void act() {
  if (current.hook == nullptr) {
    ::kill(::getpid(), SIGKILL);
    std::abort();  // nobody survives that
  }
  const Watched watched = current.watched;
  current.watched = Watched::nothing;  // P2
  (*current.hook)();
  current.watched = watched;
}

inline void event(Watched weight) {
  if (current.watched < weight) [[likely]]
    return;
  ++current.seen;
  if (!current.counts_only && (current.trigger == 0 || current.trigger == current.seen)) act();
}

/// Watches the calling thread until it goes out of scope.
class Watch {
 public:
  /// Counts.
  explicit Watch(Watched watched) { current = {.watched = watched}; }
  /// Kills the process before the nth event.
  Watch(Watched watched, std::uint64_t nth) {
    current = {.watched = watched, .trigger = nth, .counts_only = false};
  }
  /// Calls a hook before the nth event, or before each if `nth` is 0.
  Watch(Watched watched, std::uint64_t nth, std::function<void()> hook) : hook_(std::move(hook)) {
    current = {.watched = watched, .trigger = nth, .hook = &hook_, .counts_only = false};
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { current = {}; }

  [[nodiscard]] static std::uint64_t seen() { return current.seen; }

 private:
  std::function<void()> hook_;
};

/// Makes the code the twin while it lives.
class Impersonation {
 public:
  explicit Impersonation(Twin who) { impersonated = who; }
  Impersonation(const Impersonation&) = delete;
  Impersonation& operator=(const Impersonation&) = delete;
  ~Impersonation() { impersonated = Twin::none; }
};

struct ProbeSeam : sync::ProductionSeam {
  template <class Word>
  static Word load(const Word& word, std::memory_order order) {
    event(Watched::events);
    return ProductionSeam::load(word, order);
  }
  template <class Word>
  static void store(Word& word, Word value, std::memory_order order) {
    event(Watched::writes);
    ProductionSeam::store(word, value, order);
  }
  template <class Word>
  static bool compare_exchange(Word& word, Word expected, Word desired) {
    event(Watched::writes);
    return ProductionSeam::compare_exchange(word, expected, desired);
  }
  template <class Word>
  static Word fetch_add(Word& word, Word delta) {
    event(Watched::writes);
    return ProductionSeam::fetch_add(word, delta);
  }
  static void fill(std::byte* target, const void* source, std::size_t bytes) {
    const std::size_t half = bytes / 2;
    event(Watched::writes);
    ProductionSeam::fill(target, source, half);
    event(Watched::writes);
    ProductionSeam::fill(target + half, static_cast<const std::byte*>(source) + half, bytes - half);
  }
  static void fence() {
    event(Watched::events);
    ProductionSeam::fence();
  }
  static void futex_wait(const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns) {
    event(Watched::events);
    ProductionSeam::futex_wait(word, expected, timeout_ns);
  }
  static void futex_wake_all(const std::uint32_t& word) {
    event(Watched::events);
    ProductionSeam::futex_wake_all(word);
  }
  static bool certainly_dead(sync::Identity identity, const sync::MappingKey& mapping) {
    event(Watched::events);
    return ProductionSeam::certainly_dead(identity, mapping);
  }
  static bool has_ended(sync::Identity identity) {
    event(Watched::events);
    return ProductionSeam::has_ended(identity);
  }
  static std::uint64_t now_ns() {
    clock_ahead_ns += clock_step_ns;
    return ProductionSeam::now_ns() + clock_ahead_ns;
  }
};

}  // namespace radish::probe

namespace radish {
using Seam = probe::ProbeSeam;
}
