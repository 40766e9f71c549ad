#include "torture/actor.h"

#include <unistd.h>

namespace radish::stress::torture {
namespace {

Count count_of(Code code) {
  switch (code) {
    case Code::full:
      return Count::full;
    case Code::no_space:
      return Count::no_space;
    case Code::pinned:
      return Count::pinned;
    default:
      return Count::timed_out;
  }
}

}  // namespace

bool Actor::tolerates(const Error& error, Needs needs) const {
  const bool wants_room = needs == Needs::room && ledger_.round().room_may_end;
  bool tolerated = wants_room && (error.code == Code::full || error.code == Code::pinned);
  if (error.code == Code::timed_out) {
    tolerated = needs != Needs::slot && (surroundings_.has_deadline || wants_room);
    const bool for_itself = error.message.find(fmt::format("(process {})", getpid())) != std::string::npos;
    if (for_itself && !surroundings_.has_siblings) fail("it waits for itself: {}", error.message);
  }
  if (tolerated) count(count_of(error.code));
  return tolerated;
}

void Actor::fail_with(const std::string& text) const {
  const std::uint32_t seat = strand_ / strands_per_seat;
  ledger_.report(fmt::format("{} of seat {}, strand {}, process {}, {}: {}",
                             role_name(role_of(ledger_.setting(), seat)), seat, strand_ % strands_per_seat,
                             getpid(), activity_name(strand().activity.load(std::memory_order_relaxed)),
                             text));
  while (true) pause();
}

std::string Actor::describe(KeyId key, Interval at) const {
  return fmt::format("key {} {}, period {}, range {}, may be at versions {} to {}", key,
                     printable(ledger_.bytes(key)), ledger_.record(key).period, ledger_.record(key).range,
                     at.low, at.high);
}

std::string Actor::describe(std::optional<std::uint64_t> answer) const {
  if (!answer) return "absent";
  return fmt::format("value {:#x} (version {} of key {})", *answer, version_of(*answer), key_of(*answer));
}

void Actor::judge(KeyId key, Interval at, std::optional<std::uint64_t> answer, std::string_view what) const {
  if (!may_be(key, ledger_.record(key).period, at, answer))
    fail("{} answers {}, but {}", what, describe(answer), describe(key, at));
}

}  // namespace radish::stress::torture
