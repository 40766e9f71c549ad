// What a campaign says: while it runs, and at its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crashpoints/board.h"

namespace radish::crashpoints {

struct Progress {
  double seconds;
  double seconds_asked;       ///< 0: none
  std::uint64_t cases_asked;  ///< without seconds: of all engines together
};
[[nodiscard]] std::string live_line(const Board& board, const Progress& progress);

/// A campaign at its end.
struct Campaigned {
  const Board& board;
  const Options& options;
  const Engines& engines;
  double seconds;
};

/// A line for each operation; if there are several campaigns, or one that has a name, for each of them.
[[nodiscard]] std::string table(const Options& options, const std::vector<Campaigned>& campaigns);
/// The figures of a campaign; of several, or of one that has a name, those of each under its name.
void write_json(const std::string& path, const Options& options, const std::vector<Campaigned>& campaigns);
/// A test case for each operation, engine and campaign.
void write_junit(const std::string& path, const std::vector<Campaigned>& campaigns);

/// What keeps a campaign that found nothing from meaning anything, if something does.
[[nodiscard]] std::optional<std::string> shortcoming(const Row& sum, bool twin);

}  // namespace radish::crashpoints
