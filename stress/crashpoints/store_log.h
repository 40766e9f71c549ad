// What a process did to shared memory, store by store: written by an instrumented subject, read by the
// explorer in another process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace radish::crashpoints {

/// How a store is ordered against its neighbours, by the language's own rules. A compiler or a processor may
/// do two stores in either order unless one of these forbids it.
enum class Order : std::uint8_t {
  free,     ///< plain or relaxed
  release,  ///< after all before it
  total,    ///< after all before it, before all after it: a read-modify-write
  barrier,  ///< no store: all before it come before all after it
};

struct Store {
  std::uint64_t offset = 0;
  std::uint64_t before = 0;  ///< what the bytes were
  std::uint64_t after = 0;
  std::uint64_t code = 0;  ///< the instruction's offset in the subject's file
  std::uint8_t bytes = 0;  ///< 1, 2, 4 or 8, never across a word; 0 of a barrier
  Order order = Order::free;
  bool reported = true;  ///< by the subject; false if only the compiler saw it
  bool whole = true;     ///< one access: all of it is done or nothing; else its bytes come one by one
};

/// Shared between the process that records and the one that reads.
struct StoreLog {
  std::uint64_t capacity;  ///< stores that fit
  std::uint64_t count;
  std::uint64_t lost;      ///< stores that did not fit
  std::uint64_t compiled;  ///< stores to the memory that the compiler saw, reported ones included

  /// They follow the header.
  [[nodiscard]] Store* stores() { return reinterpret_cast<Store*>(this + 1); }
  [[nodiscard]] const Store* stores() const { return reinterpret_cast<const Store*>(this + 1); }
};

/// Who leads a process along: where it may be held up, and whom it calls instead of the kernel.
struct Leader {
  void* context;
  /// Around each load of shared memory, and before each store.
  void (*meet)(void* context);
  /// To sleep while the word is as expected, until somebody wakes it or the time is over.
  void (*sleep)(void* context, const std::uint32_t& word, std::uint32_t expected, std::uint64_t timeout_ns);
  /// Everybody who sleeps.
  void (*wake)(void* context);
};

/// What an instrumented subject exports besides: the recorder of its process.
struct Recorder {
  /// Records into the log what the calling thread stores to the file, wherever the subject maps it.
  void (*start)(StoreLog*, int descriptor);
  void (*stop)();
  /// Calls in around each load of shared memory by the calling thread, while the log is on or off; null: no
  /// longer.
  void (*at_loads)(void (*hook)(void* context), void* context);
  /// The calling thread follows him, who stays there; null: nobody.
  void (*follow)(const Leader*);
  /// Makes the subject one of its deliberately broken variants; false if it has none of that name. "" is
  /// itself.
  bool (*become)(const char* twin);
};

}  // namespace radish::crashpoints

extern "C" __attribute__((visibility("default"))) const radish::crashpoints::Recorder* crashpoints_recorder();
