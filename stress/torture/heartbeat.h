// A sign of life in shared memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace radish::stress::torture {

class Heartbeat {
 public:
  void beat(std::uint64_t now_ns) { last_ns_.store(now_ns); }
  [[nodiscard]] std::uint64_t last_ns() const { return last_ns_.load(); }
  /// How long it has been silent. The clock is read last: a beat in between must not seem to lie ahead.
  template <class Clock>
  [[nodiscard]] std::uint64_t silent_ns(Clock now_ns) const {
    const std::uint64_t last_ns = last_ns_.load();
    return now_ns() - last_ns;
  }

 private:
  std::atomic<std::uint64_t> last_ns_;
};

}  // namespace radish::stress::torture
