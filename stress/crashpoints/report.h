// What a campaign says: while it runs, and at its end.
#pragma once

#include <optional>
#include <string>

#include "crashpoints/board.h"

namespace radish::crashpoints {

struct Progress {
  double seconds;
  double seconds_asked;       ///< 0: none
  std::uint64_t cases_asked;  ///< without seconds
};
[[nodiscard]] std::string live_line(const Board& board, const Progress& progress);

/// A campaign at its end.
struct Campaigned {
  const Board& board;
  const Options& options;
  const Engines& engines;
  double seconds;
};

[[nodiscard]] std::string table(const Campaigned& campaign);
void write_json(const std::string& path, const Campaigned& campaign);
/// A test case for each operation and engine.
void write_junit(const std::string& path, const Campaigned& campaign);

/// What keeps a campaign that found nothing from meaning anything, if something does.
[[nodiscard]] std::optional<std::string> shortcoming(const Row& sum, bool twin);

}  // namespace radish::crashpoints
