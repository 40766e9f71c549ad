// A directory of its own for each test that needs files.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace radish::tests {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "radish-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// What a file takes of the file system's room.
inline std::uint64_t stored_file_bytes(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw std::runtime_error("stat " + path);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

inline std::string read_file(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(content).str();
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

/// Changes the one place of a file at rest that holds `text`, without copying the file, which may be sparse
/// and large. Answers whether there was such a place.
inline bool damage_text(const std::string& path, std::string_view text) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  constexpr std::size_t searched_bytes = 4 << 20;
  std::string content(searched_bytes, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  file.clear();
  content.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t place = content.find(text);
  if (place == std::string::npos) return false;
  file.seekp(static_cast<std::streamoff>(place));
  file.put(static_cast<char>(text[0] ^ 1));
  return static_cast<bool>(file.flush());
}

}  // namespace radish::tests
