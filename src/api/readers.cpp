// Who reads, and what that costs: for observers.
#include <algorithm>
#include <string>

#include "api/error.h"
#include "api/handle.h"
#include "heap/figures.h"
#include "sync/identity.h"
#include "sync/proc.h"
#include "sync/words.h"

namespace radish {
namespace {

/// The first line of a process's file in /proc; empty if it cannot be read.
std::string line_of(std::uint64_t pid, const char* name) {
  std::string found;
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const auto read = sync::each_line(path.c_str(), [&](std::string_view line) {
    found = line;
    return false;
  });
  if (!found.empty() && found.back() == '\n') found.pop_back();
  return read ? found : std::string();
}

/// The letter behind the command, which is in parentheses and may hold some itself.
char state_of(std::uint64_t pid) {
  const std::string line = line_of(pid, "stat");
  const std::size_t end = line.rfind(')');
  return end == std::string::npos || end + 2 >= line.size() ? '-' : line[end + 2];
}

}  // namespace

Result<std::vector<Reader>> Tree::readers() const {
  const segment::Segment& segment = handle_->segment();
  const auto slots = sync::owned_slots(segment);
  std::vector<std::uint64_t> pins;
  pins.reserve(slots.size());
  for (const sync::OwnedSlot& slot : slots) pins.push_back(slot.pin == 0 ? UINT64_MAX : slot.pin);
  const auto bytes = heap::retired_bytes_since(segment, pins);
  const std::uint64_t epoch = sync::observe(segment.roots().epoch);
  const std::uint64_t now_ns = Seam::now_ns();
  std::vector<Reader> readers;
  for (std::size_t index = 0; index < slots.size(); ++index) {
    const auto& [slot, owner, pin, met_ns] = slots[index];
    const std::uint64_t pid = sync::pid_of(owner);
    readers.push_back({.slot = slot,
                       .pid = static_cast<pid_t>(pid),
                       .command = line_of(pid, "comm"),
                       .state = state_of(pid),
                       .epoch = pin,
                       .epochs_behind = pin == 0 ? 0 : epoch - std::min(epoch, pin),
                       .bytes_held = bytes[index],
                       .in_the_way_ms = met_ns == 0 ? 0 : (now_ns - std::min(now_ns, met_ns)) / 1'000'000});
  }
  return readers;
}

}  // namespace radish
