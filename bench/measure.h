// What the benchmarks with a verdict share.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "radish/tree.hpp"
#include "segment/fault.h"

namespace radish::bench {

template <class T>
T take(Expected<T> result) {
  if (!result) throw std::runtime_error(fmt::format("{} ({})", result.error().what, result.error().subject));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Nearest rank.
inline double quantile(const std::vector<double>& ascending, double part) {
  const double rank = std::ceil(part * static_cast<double>(ascending.size()));
  return ascending[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return quantile(values, 0.5);
}

/// What the calling thread has used of the processor: others that want it too do not count.
inline double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// What was asked beside what was measured, a line each.
class Verdicts {
 public:
  void at_least(std::string_view what, double asked, double measured) {
    say(what, fmt::format(">= {}", asked), measured, measured >= asked);
  }
  void at_most(std::string_view what, double asked, double measured) {
    say(what, fmt::format("<= {}", asked), measured, measured <= asked);
  }
  [[nodiscard]] bool all_met() const { return all_met_; }

 private:
  void say(std::string_view what, const std::string& asked, double measured, bool met) {
    fmt::print("{:<62} {:>10} {:>10.3f}  {}\n", what, asked, measured, met ? "met" : "NOT MET");
    all_met_ &= met;
  }
  bool all_met_ = true;
};

}  // namespace radish::bench
