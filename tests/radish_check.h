// The command radish-check, run by a test.
#pragma once

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace radish::tests {

struct CheckRun {
  int code;            ///< its exit code, or minus the signal that ended it
  std::string output;  ///< both of its streams
  [[nodiscard]] bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

inline CheckRun run_check(const std::string& arguments) {
  FILE* pipe = popen(fmt::format("'{}' {} 2>&1", RADISH_CHECK_PATH, arguments).c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  CheckRun run{};
  std::array<char, 4096> text{};
  while (const std::size_t bytes = fread(text.data(), 1, text.size(), pipe))
    run.output.append(text.data(), bytes);
  const int status = pclose(pipe);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return run;
}

}  // namespace radish::tests
