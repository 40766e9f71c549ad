#include "torture/killer.h"

#include <algorithm>
#include <csignal>

#include "torture/deaths.h"

namespace radish::stress::torture {
namespace {

constexpr std::size_t stopped_max = 3;
constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr int death_wait_ms = 10'000;

}  // namespace

void Killer::act(const LeaseWatch* watch) {
  forget_gone();
  const std::uint64_t choice = random_.below(1000);
  if (choice < 10) return massacre();
  if (choice < 90 && watch != nullptr) return ambush(*watch);
  const Victim victim = choose(watch);
  if (victim.pid == 0) return;
  // Stops come in spells of a second, so that deaths without any are seen too.
  const bool stops = in_spell(ledger_.setting(), "stops", 500);
  if (choice < 160) return kill_group(victim.seat);
  if (choice < 430 && stops) return stop(victim);
  kill_one(victim, watch);
}

Killer::Victim Killer::one_of(const std::vector<pid_t>& pids, std::uint64_t& tally) {
  if (pids.empty()) return {};
  const pid_t pid = pids[random_.below(pids.size())];
  const auto seat = crew_.seat_of(pid);
  return seat ? Victim{.pid = pid, .seat = *seat, .tally = &tally} : Victim{};
}

Killer::Victim Killer::choose(const LeaseWatch* watch) {
  const std::uint64_t choice = random_.below(100);
  Victim victim;
  if (watch != nullptr && choice < 35) victim = one_of({watch->writer()}, strikes_.killed_writers);
  if (watch != nullptr && choice >= 35 && choice < 45)
    victim = one_of(watch->view_holders(), strikes_.killed_views);
  if (watch != nullptr && choice >= 45 && choice < 55)
    victim = one_of(watch->pinning(), strikes_.killed_readers);
  if (victim.pid != 0) return victim;
  const auto seat = static_cast<std::uint32_t>(random_.below(crew_.seats()));
  return one_of(crew_.members(seat), strikes_.killed);
}

void Killer::kill_one(const Victim& victim, const LeaseWatch* watch) {
  if (is_dead(victim.pid)) return;  // it has just ended by itself
  const int pidfd = watch_process(victim.pid);
  Recovery& recovery = ledger_.recovery();
  const std::uint64_t generation = watch != nullptr ? watch->generation() : 0;
  ++*victim.tally;
  kill(victim.pid, SIGKILL);
  const bool dead = await_death(pidfd, death_wait_ms);
  const std::uint64_t died = now_ns();
  if (!dead) return ledger_.report_trouble("a process does not die of SIGKILL");
  if (watch == nullptr || recovery.died_ns.load() != 0) return;  // an earlier death is not over yet
  if (watch->writer() != victim.pid && watch->generation() == generation) return;  // it held nothing
  recovery.generation.store(generation);
  recovery.disturbed.store(!stopped_.empty());
  recovery.died_ns.store(died, std::memory_order_release);
}

void Killer::ambush(const LeaseWatch& watch) {
  constexpr int tries = 10;
  const bool armed = random_.chance(500);
  for (int attempt = 0; attempt < tries; ++attempt) {
    const pid_t holder = watch.writer();
    const auto seat = crew_.seat_of(holder);
    if (!seat || is_stopped(holder)) continue;
    const bool halted = halt(holder);
    const bool stands_with_it = halted && watch.writer() == holder;
    if (stands_with_it && random_.chance(300)) keep_vigil(holder);
    if (stands_with_it && (!armed || watch.armed()))
      return kill_one({.pid = holder, .seat = *seat, .tally = &strikes_.killed_ambushed}, &watch);
    kill(holder, SIGCONT);
  }
}

void Killer::keep_vigil(pid_t holder) {
  ledger_.recovery().disturbed.store(true);
  ++strikes_.vigils;
  vigil_.keep(holder);
}

void Killer::kill_group(std::uint32_t seat) {
  if (crew_.group(seat) == 0) return;
  strikes_.killed_groups += crew_.members(seat).size();
  kill(-crew_.group(seat), SIGKILL);
}

void Killer::massacre() {
  for (std::uint32_t seat = 0; seat < crew_.seats(); ++seat) {
    strikes_.killed_in_massacres += crew_.members(seat).size();
    if (crew_.group(seat) != 0) kill(-crew_.group(seat), SIGKILL);
  }
  ledger_.recovery().censor();
}

void Killer::stop(const Victim& victim) {
  if (stopped_.size() >= stopped_max) return;
  ledger_.recovery().disturbed.store(true);  // what it takes from here on is not the library's doing
  const bool whole_group = random_.chance(300);
  const std::uint64_t rest_ms = random_.chance(100) ? 100 + random_.below(300) : 1 + random_.below(60);
  const pid_t target = whole_group ? -crew_.group(victim.seat) : victim.pid;
  if (target == 0 || kill(target, SIGSTOP) != 0) return;
  ++strikes_.stops;
  stopped_.push_back({.target = target,
                      .seat = victim.seat,
                      .until_ns = now_ns() + rest_ms * ns_per_ms,
                      .is_killed = random_.chance(400)});
}

void Killer::resume_due() {
  const std::uint64_t now = now_ns();
  std::erase_if(stopped_, [&](const Stopped& stopped) {
    if (stopped.until_ns > now) return false;
    if (stopped.is_killed) {
      strikes_.killed_stopped += stopped.target < 0 ? crew_.members(stopped.seat).size() : 1;
      kill(stopped.target, SIGKILL);
    } else {
      ++strikes_.resumed;
      kill(stopped.target, SIGCONT);
    }
    return true;
  });
}

void Killer::resume_all() {
  strikes_.resumed += stopped_.size();
  stopped_.clear();
  crew_.signal_all(SIGCONT);
}

/// Those that were killed while they were stopped.
void Killer::forget_gone() {
  std::erase_if(stopped_, [&](const Stopped& stopped) {
    return stopped.target > 0 ? !crew_.seat_of(stopped.target) : crew_.group(stopped.seat) != -stopped.target;
  });
}

bool Killer::is_stopped(pid_t pid) const {
  const auto seat = crew_.seat_of(pid);
  return std::ranges::any_of(stopped_, [&](const Stopped& stopped) {
    return stopped.target == pid || (stopped.target < 0 && seat == stopped.seat);
  });
}

std::uint64_t Killer::pinned_by_stopped(const LeaseWatch& watch) const {
  const auto pinning = watch.pinning();
  return static_cast<std::uint64_t>(
      std::ranges::count_if(pinning, [&](pid_t pid) { return is_stopped(pid); }));
}

}  // namespace radish::stress::torture
