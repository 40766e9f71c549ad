#include "crashpoints/matrix.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace radish::crashpoints {
namespace {

namespace fs = std::filesystem;

constexpr const char* subject_file = "radish_subject.so";
constexpr const char* subject_folder = "stress/crashpoints";  // in a build's directory

std::vector<fs::path> subjects_below(const std::string& directory) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().filename() == subject_file) found.push_back(entry.path());
  std::ranges::sort(found);
  if (found.empty())
    throw std::runtime_error(
        "there is no " + std::string(subject_file) + " below " + directory +
        ": ci/crashpoints builds them, by g++ and clang at -O0 to -O3, below build/matrix");
  return found;
}

/// The directory of its build, seen from that of the matrix.
std::string name_of(const fs::path& subject, const std::string& directory) {
  std::string name = fs::relative(subject.parent_path(), directory).string();
  if (name.ends_with(subject_folder)) name.resize(name.size() - std::string(subject_folder).size());
  while (name.ends_with('/')) name.pop_back();
  return name.empty() ? "." : name;
}

}  // namespace

std::vector<Options> parts_of(const Options& options) {
  if (options.compiler_matrix.empty()) return {options};
  const auto subjects = subjects_below(options.compiler_matrix);
  std::vector<Options> parts;
  for (const fs::path& subject : subjects) {
    Options& part = parts.emplace_back(options);
    part.name = name_of(subject, options.compiler_matrix);
    part.subject = subject.string();
    part.engine = "step";
    part.seconds = options.seconds / static_cast<double>(subjects.size());
    part.case_directory = (fs::path(options.case_directory) / part.name).string();
  }
  return parts;
}

}  // namespace radish::crashpoints
