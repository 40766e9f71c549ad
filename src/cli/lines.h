// Reads lines of any bytes from a descriptor, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radish::cli {

class LineReader {
 public:
  /// `name` is what an error calls it. The descriptor stays the caller's.
  LineReader(int descriptor, std::string name);

  /// The next line without its newline, valid until the next call; the last one may lack it. Throws Failure
  /// on a failed read and on a line longer than any key can be.
  [[nodiscard]] std::optional<std::string_view> next();

  /// Lines that next() has answered.
  [[nodiscard]] std::uint64_t line_count() const { return line_count_; }
  /// Bytes of those lines.
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  /// Bytes from here to the end, if the descriptor is a regular file.
  [[nodiscard]] std::optional<std::uint64_t> bytes_total() const { return bytes_total_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  [[nodiscard]] bool fill();
  std::string_view take(std::size_t line_bytes, std::size_t newline_bytes);

  int descriptor_;
  std::string name_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< of what is buffered and not yet taken
  std::size_t end_ = 0;
  std::uint64_t line_count_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::optional<std::uint64_t> bytes_total_;
};

}  // namespace radish::cli
