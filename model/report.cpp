#include "model/report.h"

#include <fstream>
#include <sstream>

namespace radish::model {

namespace {

std::string as_comment(const std::string& text) {
  std::istringstream lines(text);
  std::string comment;
  for (std::string line; std::getline(lines, line);) comment += "# " + line + "\n";
  return comment;
}

}  // namespace

std::string write_report(const Sequence& sequence, const Failure& failure, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << as_comment(to_text(failure)) << to_text(sequence);
  file.close();
  return to_text(failure) + (file ? "" : "could not write ") + path + ": " +
         std::to_string(sequence.operations.size()) + " operations\nreplay: radish_differential --replay " +
         path + "\n";
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

}  // namespace radish::model
