#include "torture/round.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>

#include "torture/verdict.h"

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t look_period_ns = 200'000'000;
constexpr timespec poll_interval{.tv_sec = 0, .tv_nsec = 1'000'000};

/// The killer's own pacing.
void rest_until(std::uint64_t moment_ns) {
  const timespec moment{static_cast<std::time_t>(moment_ns / ns_per_second),
                        static_cast<long>(moment_ns % ns_per_second)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
}

}  // namespace

RoundRun::RoundRun(const Options& options, const Ledger& ledger, const RoundPlan& plan, Place& place,
                   Strikes& strikes)
    : options_(options),
      ledger_(ledger),
      plan_(plan),
      place_(place),
      crew_(ledger),
      random_(random_for(options.seed, "killer", plan.number)),
      killer_(ledger, crew_, strikes, random_for(options.seed, "victims", plan.number)),
      watchdog_(ledger, options.hang_seconds) {}

std::optional<Tree> RoundRun::open(const char* when) {
  beat();
  auto opened = place_.open();
  if (opened && opened->outcome() == Outcome::healed) ledger_.report("the lease was found unreadable");
  if (opened) return std::move(*opened);
  ledger_.report(fmt::format("open {}: {}", when, opened.error().message));
  return std::nullopt;
}

void RoundRun::begin() {
  if (plan_.fresh) ledger_.forget_states();
  if (!plan_.raced_for) tree_ = open("at the round's beginning");
  Round& round = ledger_.round();
  round.number = plan_.number;
  round.capacity_bytes = place_.capacity_bytes();
  round.storage = place_.storage();
  round.keeper = place_.keeper();
  round.room_may_end = place_.is_small();
  round.must_exist = !plan_.raced_for;
  round.path[place_.path().copy(round.path, sizeof round.path - 1)] = '\0';
  if (!plan_.coordinator_stays) tree_.reset();
  for (std::uint32_t index = 0; index < coordinator_strand; ++index) {
    ledger_.strand(index).lives.store(0);
    ledger_.strand(index).pid.store(0);
  }
  ledger_.recovery().died_ns.store(0);
  ledger_.stopping().store(false);
}

void RoundRun::fill() { crew_.fill(tree_ ? std::optional(Inherited{*tree_}) : std::nullopt); }

const LeaseWatch* RoundRun::watch() {
  if (watch_ == nullptr && place_.watched() >= 0) watch_ = std::make_unique<LeaseWatch>(place_.watched());
  return watch_.get();
}

void RoundRun::tick() {
  beat();
  killer_.resume_due();
  // In some seconds the dead are left unreaped. Then few may die, so that some are left to recover.
  constexpr int unreaped_max = 3;
  const bool leave_zombies = in_spell(options_.seed, "zombies", 80);
  unreaped_ = leave_zombies ? unreaped_ + 1 : 0;
  if (!leave_zombies) {
    crew_.reap();
    fill();
  }
  if (unreaped_ <= unreaped_max) killer_.act(watch());
  if (now_ns() < next_look_ns_) return;
  next_look_ns_ = now_ns() + look_period_ns;
  watchdog_.look([&](pid_t pid) { return killer_.is_stopped(pid); });
  if (onlooker_) onlooker_(watch() != nullptr ? killer_.pinned_by_stopped(*watch()) : 0);
}

void RoundRun::run(std::uint64_t until_ns) {
  begin();
  if (!failed()) fill();
  std::uint64_t next_ns = now_ns();
  const auto twice_the_mean_ns = static_cast<std::uint64_t>(2e9 / options_.acts_per_second);
  while (!failed() && now_ns() < until_ns) {
    tick();
    next_ns = std::max(next_ns + random_.below(twice_the_mean_ns), now_ns());
    rest_until(next_ns);
  }
  if (!failed()) end();
  if (!failed()) return;
  crew_.signal_all(SIGSTOP);
  if (witness_) witness_();
}

void RoundRun::stop_cleanly() {
  ledger_.stopping().store(true);
  killer_.resume_all();
  while (!crew_.reap() && !failed()) {
    beat();
    watchdog_.look([](pid_t) { return false; });
    clock_nanosleep(CLOCK_MONOTONIC, 0, &poll_interval, nullptr);
  }
}

void RoundRun::end() {
  if (plan_.end == RoundEnd::stopped) {
    stop_cleanly();
  } else {
    crew_.massacre();
    if (plan_.end == RoundEnd::massacred_alone) tree_.reset();
  }
  if (failed()) return;
  if (!tree_) tree_ = open("at the round's end");
  if (!tree_) return;
  beat();
  compare_completely(ledger_, *tree_);
  if (!failed() && place_.is_small()) fill_up(ledger_, *tree_);
  if (!failed()) reopen_alone();
}

void RoundRun::reopen_alone() {
  tree_.reset();
  tree_ = open("alone, after the comparison");
  if (!tree_) return;
  if (tree_->outcome() != Outcome::attached)
    ledger_.report(
        fmt::format("an open after a clean end came out as {}", static_cast<int>(tree_->outcome())));
  compare_completely(ledger_, *tree_);
}

}  // namespace radish::stress::torture
