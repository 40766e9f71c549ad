#include "torture/watchdog.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "torture/plan.h"

namespace radish::stress::torture {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return std::move(content).str();
}

}  // namespace

void Watchdog::look(const std::function<bool(std::int32_t)>& is_excused) {
  const std::uint64_t passed_ns = time_.passed_ns(now_ns());
  for (std::uint32_t index = 0; index < coordinator_strand; ++index) {
    const Strand& strand = ledger_.strand(index);
    const std::int32_t pid = strand.pid.load(std::memory_order_acquire);
    const std::uint64_t progress = strand.progress.load(std::memory_order_relaxed);
    Seen& seen = seen_[index];
    if (pid == 0 || pid != seen.pid || progress != seen.progress || is_excused(pid)) {
      seen = {.pid = pid, .progress = progress, .still_ns = 0};
    } else if ((seen.still_ns += passed_ns) > hang_ns_) {
      ledger_.report(fmt::format("seat {}, strand {}, process {} has made no progress for {} s while {}\n{}",
                                 index / strands_per_seat, index % strands_per_seat, pid,
                                 hang_ns_ / 1'000'000'000, activity_name(strand.activity.load()),
                                 describe_process(pid)));
      seen.still_ns = 0;
    }
  }
}

std::string describe_process(std::int32_t pid) {
  namespace fs = std::filesystem;
  std::string text = fmt::format("process {}\n", pid);
  std::error_code ignored;
  for (const auto& thread : fs::directory_iterator(fmt::format("/proc/{}/task", pid), ignored)) {
    text += fmt::format("  thread {}: system call {}", thread.path().filename().string(),
                        content_of(thread.path() / "syscall"));
    std::istringstream status(content_of(thread.path() / "status"));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("State:")) text += "    " + line + '\n';
    text += content_of(thread.path() / "stack");
  }
  return text;
}

std::string describe_processes(const Ledger& ledger) {
  std::string text;
  for (std::uint32_t index = 0; index < coordinator_strand; ++index) {
    const Strand& strand = ledger.strand(index);
    if (const std::int32_t pid = strand.pid.load(); pid != 0)
      text +=
          fmt::format("{}, seat {}, strand {}, {}, {} steps: {}",
                      role_name(role_of(ledger.setting(), index / strands_per_seat)),
                      index / strands_per_seat, index % strands_per_seat,
                      activity_name(strand.activity.load()), strand.progress.load(), describe_process(pid));
  }
  return text;
}

}  // namespace radish::stress::torture
