// A progress bar on standard error, there only when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace radish::cli {

/// One line: how much is done, at what rate, how long it will take.
struct ProgressFigures {
  std::uint64_t lines;
  std::uint64_t bytes;
  std::optional<std::uint64_t> bytes_total;
  double seconds;
};
[[nodiscard]] std::string progress_line(const ProgressFigures& figures);

class Progress {
 public:
  explicit Progress(bool wanted);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Wipes the bar off the terminal.
  ~Progress();

  /// Draws at the first call, then ten times a second at most.
  void update(std::uint64_t lines, std::uint64_t bytes, std::optional<std::uint64_t> bytes_total);

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_;
  Clock::time_point start_;
  Clock::time_point next_draw_;
};

}  // namespace radish::cli
