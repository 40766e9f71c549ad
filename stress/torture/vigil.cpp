#include "torture/vigil.h"

#include <fmt/format.h>

#include <ctime>
#include <string_view>

#include "torture/deaths.h"
#include "torture/plan.h"
#include "torture/waking_time.h"
#include "torture/watchdog.h"

namespace radish::stress::torture {
namespace {

// A lookup takes microseconds. What remains is for a machine on which nobody gets the processor.
constexpr std::uint64_t vigil_ns = 5'000'000'000;
constexpr std::uint64_t slice_ns = 20'000'000;
constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 1'000'000};

}  // namespace

bool Vigil::is_looking_up(const Watched& watched) const {
  const Strand& strand = ledger_.strand(watched.strand);
  constexpr std::string_view running = "RSD";
  return strand.pid.load() == watched.pid && strand.activity.load() == Activity::reading &&
         running.find(state_of(watched.pid)) != std::string_view::npos;
}

bool Vigil::has_gone_on(const Watched& watched) const {
  return ledger_.strand(watched.strand).progress.load() >= watched.progress + 2;
}

std::vector<Vigil::Watched> Vigil::readers(pid_t holder) const {
  std::vector<Watched> found;
  for (std::uint32_t strand = 0; strand < ledger_.setting().seats() * strands_per_seat; ++strand) {
    if (role_of(ledger_.setting(), strand / strands_per_seat) != Role::reader) continue;
    const Watched watched{strand, ledger_.strand(strand).pid.load(), ledger_.strand(strand).progress.load()};
    if (watched.pid != 0 && watched.pid != holder && is_looking_up(watched)) found.push_back(watched);
  }
  return found;
}

void Vigil::keep(pid_t holder) {
  std::vector<Watched> waited_for = readers(holder);
  WakingTime time(slice_ns);
  std::uint64_t waited_ns = 0;
  while (true) {
    ledger_.heartbeat().beat(now_ns());
    std::erase_if(waited_for,
                  [this](const Watched& watched) { return has_gone_on(watched) || !is_looking_up(watched); });
    if (waited_for.empty()) return;
    waited_ns += time.passed_ns(now_ns());
    if (waited_ns > vigil_ns) break;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &between_looks, nullptr);
  }
  for (const Watched& watched : waited_for)
    ledger_.report(fmt::format("process {} stands still with the lock, and strand {} waits in a lookup\n{}",
                               holder, watched.strand, describe_process(watched.pid)));
}

}  // namespace radish::stress::torture
