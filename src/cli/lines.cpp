#include "lines.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "failure.h"

namespace radish::cli {
namespace {

// Holds the longest line there can be: a key of 65,535 bytes, four characters each, a tab and a number.
constexpr std::size_t buffer_bytes = 1 << 20;

std::optional<std::uint64_t> bytes_ahead(int descriptor) {
  struct stat status;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t position = ::lseek(descriptor, 0, SEEK_CUR);
  return static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - std::max<off_t>(0, position)));
}

}  // namespace

LineReader::LineReader(int descriptor, std::string name)
    : descriptor_(descriptor),
      name_(std::move(name)),
      buffer_(buffer_bytes),
      bytes_total_(bytes_ahead(descriptor)) {}

std::optional<std::string_view> LineReader::next() {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view waiting(buffer_.data() + begin_, end_ - begin_);
    if (const std::size_t newline = waiting.find('\n', searched); newline != waiting.npos)
      return take(newline, 1);
    searched = waiting.size();
    if (searched == buffer_.size())
      throw Failure(exit_error, fmt::format("{}, line {}: the line is longer than any key can be", name_,
                                            line_count_ + 1));
    if (!fill()) return searched > 0 ? std::optional(take(searched, 0)) : std::nullopt;
  }
}

std::string_view LineReader::take(std::size_t line_bytes, std::size_t newline_bytes) {
  const std::string_view line(buffer_.data() + begin_, line_bytes);
  begin_ += line_bytes + newline_bytes;
  bytes_read_ += line_bytes + newline_bytes;
  ++line_count_;
  return line;
}

// Reads behind what is buffered, which moves to the front first; false at the end of the input.
bool LineReader::fill() {
  std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
  end_ -= begin_;
  begin_ = 0;
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw Failure(exit_error, fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
  end_ += static_cast<std::size_t>(count);
  return count > 0;
}

}  // namespace radish::cli
