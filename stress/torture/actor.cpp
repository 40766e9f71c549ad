#include "torture/actor.h"

#include <unistd.h>

namespace radish::stress::torture {
namespace {

Count count_of(Code code) {
  switch (code) {
    case Code::full:
      return Count::full;
    case Code::too_many_readers:
      return Count::without_slot;
    case Code::pinned:
      return Count::pinned;
    default:
      return Count::timed_out;
  }
}

}  // namespace

void complain(const Ledger& ledger, std::uint32_t strand, std::string_view text) {
  const std::uint32_t seat = strand / strands_per_seat;
  const Activity activity = ledger.strand(strand).activity.load(std::memory_order_relaxed);
  ledger.report(fmt::format("{} of seat {}, strand {}, process {}, {}: {}",
                            role_name(role_of(ledger.setting(), seat)), seat, strand % strands_per_seat,
                            getpid(), activity_name(activity), text));
  while (true) pause();
}

KeyId Actor::any_key_to_ask_for() {
  if (!random_.chance(300)) return any_key();
  const auto strand = static_cast<std::uint32_t>(random_.below(ledger_.setting().ranges()));
  return ledger_.strand(strand).changing.load(std::memory_order_relaxed);
}

/// It was waited for somebody else, and for as long as was asked for.
void Actor::judge_timeout(const Error& error) const {
  constexpr std::uint64_t ns_per_ms = 1'000'000;
  const bool for_itself = error.message.find(fmt::format("(process {})", getpid())) != std::string::npos;
  if (for_itself && !surroundings_.has_siblings) fail("it waits for itself: {}", error.message);
  const std::uint64_t waited_ns = now_ns() - begun_ns_;
  if (waited_ns < surroundings_.lock_timeout_ms * ns_per_ms)
    fail("after {} us of the {} ms that it may wait it is told: {}", waited_ns / 1000,
         surroundings_.lock_timeout_ms, error.message);
}

bool Actor::tolerates(const Error& error, Needs needs) const {
  const bool wants_room = needs == Needs::room && ledger_.round().room_may_end;
  bool tolerated = wants_room && (error.code == Code::full || error.code == Code::pinned);
  if (error.code == Code::timed_out) {
    tolerated = needs != Needs::slot && (surroundings_.lock_timeout_ms != 0 || wants_room);
    if (tolerated && !wants_room) judge_timeout(error);
  }
  // The dead have all the slots, and who alone could free them stands still.
  if (error.code == Code::too_many_readers)
    tolerated = error.message.find("the writer's lock is held") != std::string::npos;
  if (tolerated) count(count_of(error.code));
  return tolerated;
}

std::string Actor::describe(KeyId key, Interval at) const {
  return fmt::format("key {} {}, period {}, range {}, may be at versions {} to {} (acknowledged {})", key,
                     printable(ledger_.bytes(key)), ledger_.record(key).period,
                     static_cast<std::int32_t>(ledger_.record(key).range), at.low, at.high, at.acknowledged);
}

void Actor::judge(KeyId key, Interval at, std::optional<std::uint64_t> answer, std::string_view what) const {
  const std::uint32_t period = ledger_.record(key).period;
  if (!may_be(key, period, at, answer))
    fail("{} answers {}, but {}", what, describe_value(answer), describe(key, at));
  std::atomic<Version>& seen = ledger_.state(key).seen;
  const Version shown = shown_version(period, at, answer);
  for (Version known = seen.load(); known < shown && !seen.compare_exchange_weak(known, shown);) continue;
}

}  // namespace radish::stress::torture
