// Time as an onlooker may hold it against others: only what passed while it was looking itself. Where the
// whole machine, or the onlooker alone, stood still or had no processor, hardly any did.
#pragma once

#include <algorithm>
#include <cstdint>

namespace radish::stress::torture {

class WakingTime {
 public:
  /// `slice_ns`: what at most is counted between two looks.
  explicit WakingTime(std::uint64_t slice_ns) : slice_ns_(slice_ns) {}

  /// Since the last look.
  [[nodiscard]] std::uint64_t passed_ns(std::uint64_t now_ns) {
    const std::uint64_t passed = last_ns_ == 0 || now_ns < last_ns_ ? 0 : now_ns - last_ns_;
    last_ns_ = now_ns;
    return std::min(passed, slice_ns_);
  }

 private:
  std::uint64_t slice_ns_;
  std::uint64_t last_ns_ = 0;
};

}  // namespace radish::stress::torture
