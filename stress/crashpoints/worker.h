// What a process of a campaign does: it takes cases, has them explored, and lays down what is found.
#pragma once

#include <chrono>
#include <optional>

#include "crashpoints/board.h"
#include "crashpoints/case_file.h"

namespace radish::crashpoints {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Until the campaign is to stop, by itself or by its options.
void work(const Options& options, Board& board, Seat& seat, Clock::time_point start);

/// The case of the number, as an engine explores it.
[[nodiscard]] Told told_of(const Options& options, EngineKind engine, std::uint64_t number, Case explored);

/// Counts a failure, and stops the campaign if it was the last that is wanted. The directory for it; none if
/// it is one too many.
[[nodiscard]] std::optional<std::string> count_failure(const Options& options, Board& board,
                                                       const Told& told);

}  // namespace radish::crashpoints
