// What a torture is asked for: by the command line, or by a case.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace CLI {
class App;
}

namespace radish::stress::torture {

struct Options {
  double seconds = 60;
  std::uint64_t seed = 0;  ///< 0: drawn, and printed
  std::string storage = "mixed";
  std::string file;  ///< of the segment; empty: one in a directory of its own
  std::uint32_t writers = 4;
  std::uint32_t readers = 3;
  std::uint32_t views = 1;
  std::uint32_t iterators = 2;
  std::uint32_t keys = 600;  ///< of each writing strand
  double round_seconds = 4;
  double acts_per_second = 80;
  double hang_seconds = 20;
  double recovery_seconds = 3;
  std::string case_directory;
  std::string twin;  ///< of the checking build: the broken variant of the library to run
};

void add_options(CLI::App& command, Options& options);
[[nodiscard]] nlohmann::json to_json(const Options& options);
[[nodiscard]] Options from_json(const nlohmann::json& stored);

}  // namespace radish::stress::torture
