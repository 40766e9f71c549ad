#include "torture/round.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <stdexcept>

#include "interruption.h"
#include "torture/verdict.h"
#include "torture/waking_time.h"

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint64_t look_period_ns = 200'000'000;
constexpr std::uint64_t rest_max_ns = 50'000'000;
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
      watchdog_(ledger, options.hang_seconds),
      recovery_limit_(ledger) {}

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
  if (place_.path().size() >= sizeof round.path) throw std::runtime_error("the segment's path is too long");
  round.path[place_.path().copy(round.path, sizeof round.path - 1)] = '\0';
  if (!plan_.coordinator_stays) tree_.reset();
  for (std::uint32_t index = 0; index < coordinator_strand; ++index) {
    ledger_.strand(index).lives.store(0);
    ledger_.strand(index).pid.store(0);
  }
  ledger_.recovery().censor();
  ledger_.stopping().store(false);
}

void RoundRun::fill() {
  crew_.fill(tree_ ? std::optional(Inherited{*tree_, Place::lock_timeout_ms}) : std::nullopt);
}

const LeaseWatch* RoundRun::watch() {
  if (watch_ == nullptr && place_.watched() >= 0) watch_ = std::make_unique<LeaseWatch>(place_.watched());
  return watch_.get();
}

void RoundRun::note_takeovers() {
  if (watch() == nullptr) return;
  const std::uint64_t generation = watch()->generation();
  if (generation_ != 0 && generation > generation_) ledger_.recovery().takeovers += generation - generation_;
  generation_ = generation;
}

void RoundRun::replace_the_dead() {
  leaves_zombies_ = in_spell(ledger_.setting(), "zombies", 80);
  if (leaves_zombies_) return;
  acts_among_zombies_ = 0;
  crew_.reap();
  fill();
}

void RoundRun::act() {
  constexpr int acts_among_zombies_max = 3;  // so that some are left to recover
  if (leaves_zombies_ && ++acts_among_zombies_ > acts_among_zombies_max) return;
  killer_.act(watch());
}

void RoundRun::tick() {
  beat();
  killer_.resume_due();
  replace_the_dead();
  note_takeovers();
  const bool writers_are_there = !leaves_zombies_ && killer_.stopped() < options_.writers;
  if (watch() != nullptr) recovery_limit_.look(*watch(), writers_are_there);
  if (now_ns() < next_look_ns_) return;
  next_look_ns_ = now_ns() + look_period_ns;
  watchdog_.look([&](pid_t pid) { return killer_.is_stopped(pid); });
  if (onlooker_) onlooker_(watch() != nullptr ? killer_.pinned_by_stopped(*watch()) : 0);
}

bool RoundRun::is_over(std::uint64_t until_ns) const {
  return failed() || interrupted != 0 || now_ns() >= until_ns;
}

void RoundRun::run(std::uint64_t until_ns) {
  begin();
  if (!failed()) fill();
  std::uint64_t next_ns = now_ns();
  const auto twice_the_mean_ns = static_cast<std::uint64_t>(2e9 / options_.acts_per_second);
  while (!is_over(until_ns)) {
    tick();
    if (now_ns() >= next_ns) {
      act();
      next_ns = std::max(next_ns + random_.below(twice_the_mean_ns), now_ns());
    }
    rest_until(std::min({next_ns, until_ns, now_ns() + rest_max_ns}));
  }
  if (!failed() && interrupted == 0) end();
  if (!failed()) return;
  witness();
  examine();
}

/// Who met a failure first tells less of it than what it has left.
void RoundRun::examine() {
  beat();
  crew_.massacre();
  if (!tree_) tree_ = open("after a failure");
  if (tree_) compare_completely(ledger_, *tree_);
}

void RoundRun::witness() {
  crew_.signal_all(SIGSTOP);
  crew_.await_standstill();
  if (witness_) witness_();
}

void RoundRun::stop_cleanly() {
  ledger_.stopping().store(true);
  killer_.resume_all();
  WakingTime time(rest_max_ns);
  std::uint64_t waited_ns = 0;
  while (!crew_.reap() && !failed()) {
    beat();
    watchdog_.look([](pid_t) { return false; });
    waited_ns += time.passed_ns(now_ns());
    // Twice as long as a strand may be: whoever is in nobody's list, on its way from one process to the next.
    if (waited_ns > static_cast<std::uint64_t>(options_.hang_seconds * 2e9))
      ledger_.report(fmt::format("at the round's end somebody does not stop\n{}", crew_.describe()));
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
  note_takeovers();
  if (!tree_) tree_ = open("at the round's end");
  if (!tree_) return;
  beat();
  compare_completely(ledger_, *tree_);
  if (!failed() && place_.is_small()) fill_up(ledger_, *tree_);
  if (!failed()) reopen_alone();
  if (!failed() && plan_.cleared) clear();
}

void RoundRun::clear() {
  if (const auto cleared = tree_->clear(); !cleared)
    return ledger_.report("clear, with nobody else alive: " + cleared.error().message);
  ledger_.forget_states();
  compare_completely(ledger_, *tree_);
  if (const auto synced = tree_->sync(); !synced) ledger_.report("sync: " + synced.error().message);
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
