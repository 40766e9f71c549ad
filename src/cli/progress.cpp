#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "text.h"

namespace radish::cli {
namespace {

constexpr std::size_t bar_characters = 24;
constexpr auto draw_period = std::chrono::milliseconds(100);
constexpr std::string_view wipe = "\r\x1b[K";

std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 359'999.0));
  return whole < 3600 ? fmt::format("{}:{:02} min", whole / 60, whole % 60)
                      : fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string bar(double share) {
  const auto done = static_cast<std::size_t>(share * static_cast<double>(bar_characters));
  return fmt::format("[{:-<{}}] {:3.0f} %  ", std::string(done, '#'), bar_characters, 100 * share);
}

// A terminal that takes no more of the bar is no reason to stop the work.
void draw(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string progress_line(const ProgressFigures& figures) {
  std::string line;
  const double bytes = static_cast<double>(figures.bytes);
  const double share =
      figures.bytes_total
          ? std::min(1.0, bytes / static_cast<double>(std::max<std::uint64_t>(1, *figures.bytes_total)))
          : 0;
  if (figures.bytes_total) line += bar(share);
  line += short_number(static_cast<double>(figures.lines)) + " lines";
  if (figures.seconds > 0)
    line += fmt::format("  {}/s", short_number(static_cast<double>(figures.lines) / figures.seconds));
  if (share > 0) line += fmt::format("  {} left", duration(figures.seconds * (1 - share) / share));
  return line;
}

Progress::Progress(bool wanted)
    : shown_(wanted && ::isatty(STDERR_FILENO) == 1), start_(Clock::now()), next_draw_(start_) {}

Progress::~Progress() {
  if (shown_) draw(wipe);
}

void Progress::update(std::uint64_t lines, std::uint64_t bytes, std::optional<std::uint64_t> bytes_total) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + draw_period;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  draw(std::string(wipe) + progress_line({lines, bytes, bytes_total, seconds}));
}

}  // namespace radish::cli
