// What a campaign says: while it runs, and at its end.
#pragma once

#include <string>

#include "crashpoints/board.h"

namespace radish::crashpoints {

struct Progress {
  double seconds;
  double seconds_asked;       ///< 0: none
  std::uint64_t cases_asked;  ///< without seconds
};

[[nodiscard]] std::string live_line(const Board& board, const Progress& progress);
[[nodiscard]] std::string table(const Board& board, const Options& options, double seconds);
void write_json(const std::string& path, const Board& board, const Options& options, double seconds);
void write_junit(const std::string& path, const Board& board, double seconds);

}  // namespace radish::crashpoints
