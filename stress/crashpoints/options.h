// What a campaign of the explorer is asked to do.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace radish::crashpoints {

struct Options {
  std::string name{};       ///< of the part, if it is one of several (matrix.h)
  double seconds = 0;       ///< 0: until every shape and sequence has been
  std::uint64_t cases = 0;  ///< for each engine; 0: no bound but the others
  unsigned jobs = 0;        ///< 0: as many as there are processors
  std::uint64_t seed = 0;
  std::string engine = "all";             ///< store, step, span or all of them
  std::vector<std::string> operations{};  ///< names of mutations; none: all
  std::string subject{};                  ///< as it ships; empty: radish
  std::string instrumented{};
  std::string compiler_matrix{};  ///< directory of subjects to be explored one after another; empty: one
  std::string twin{};
  std::uint32_t failures = 8;  ///< cases that are laid down; then the campaign ends
  std::string json{};
  std::string junit{};
  std::string case_directory{};
};

[[nodiscard]] nlohmann::json to_json(const Options& options);
[[nodiscard]] Options options_of(const nlohmann::json& json);

}  // namespace radish::crashpoints
