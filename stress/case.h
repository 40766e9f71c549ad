// A case: a directory that says what a harness found, and how to look for it again.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace radish::stress {

struct Case {
  std::string harness;
  std::uint64_t seed;
  nlohmann::json options;
};

/// Writes case.json, what.txt and README.txt, and tells standard error of them and of the command that
/// replays. Throws if they cannot be written: say what was found before.
void write_case(const std::string& directory, const Case& found, const std::string& what);
[[nodiscard]] std::string replay_command(const std::string& directory);
/// Throws std::runtime_error if there is none.
[[nodiscard]] Case read_case(const std::string& directory);
/// One more file of a case; makes the directory.
void write_text_file(const std::string& directory, const std::string& name, const std::string& text);

/// Not 0.
[[nodiscard]] std::uint64_t draw_seed();

}  // namespace radish::stress
