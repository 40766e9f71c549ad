// What the stores of other libraries share.
#pragma once

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace radish::bench {

/// A fresh name in /dev/shm.
inline std::string scratch_path(std::string_view what) {
  static int number = 0;
  return fmt::format("/dev/shm/radish-bench-{}-{}.{}", getpid(), ++number, what);
}

/// What malloc has given out since this was made.
class Malloced {
 public:
  [[nodiscard]] std::uint64_t bytes() const { return given_out() - before_; }

 private:
  static std::uint64_t given_out() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  }
  std::uint64_t before_ = given_out();
};

/// Of a store that knows nothing of prefixes: a lookup for each length, the longest first.
template <class Store>
[[nodiscard]] std::optional<std::uint64_t> probe_prefixes(Store& store, std::string_view query) {
  for (std::size_t bytes = query.size();; --bytes) {
    if (const auto found = store.find(query.substr(0, bytes))) return found;
    if (bytes == 0) return std::nullopt;
  }
}

/// An 8-byte key as a number, in the same order.
[[nodiscard]] inline std::uint64_t number_of(std::string_view key) {
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), sizeof number);
  return __builtin_bswap64(number);
}

}  // namespace radish::bench
