#include "torture/jitter.h"

#include "sync/seam.h"

#ifdef RADISH_SEAM_HEADER
#include <sched.h>

#include <csignal>
#include <cstdint>
#endif

namespace radish::stress::torture {

#ifdef RADISH_SEAM_HEADER

namespace {

constexpr std::uint64_t events_between_acts = 4000;
constexpr std::uint64_t deaths_per_mille = 3;

}  // namespace

Jitter::Jitter(model::Random random, std::function<void()> before_death) {
  auto hook = [random, before_death = std::move(before_death), countdown = events_between_acts]() mutable {
    if (--countdown != 0) return;
    countdown = 1 + random.below(events_between_acts);
    if (random.chance(deaths_per_mille)) {
      before_death();
      raise(SIGKILL);
    }
    sched_yield();
  };
  probe::current = {.watched = probe::Watched::events,
                    .hook = new std::function<void()>(std::move(hook)),
                    .counts_only = false};
}

Jitter::~Jitter() {
  const auto* hook = probe::current.hook;
  probe::current = {};
  delete hook;
}

#else

Jitter::Jitter(model::Random /*random*/, std::function<void()> /*before_death*/) {}
Jitter::~Jitter() = default;

#endif

}  // namespace radish::stress::torture
