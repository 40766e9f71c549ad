// Who holds what, and how it goes: the cases of the liveness tests and their names.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "radish/tree.hpp"
#include "sync/identity.h"

namespace radish::tests {

/// What the holder has when it goes. The sleepers wait for the bystander: two of them own nothing meanwhile.
enum class Held {
  word,           ///< the writer word, before the record is armed
  armed_record,   ///< the writer word and an armed record, of which nothing has been applied
  awaited_views,  ///< the writer word, asleep until a view is left
  place_in_line,  ///< nothing: a writer asleep behind another one
  posted_turn,    ///< nothing: a view that has slept behind a writer for so long that it has posted its turn
  view,
  pin,  ///< the only reader slot, inside a lookup
};

inline constexpr Held every_held[] = {
    Held::word, Held::armed_record, Held::awaited_views, Held::place_in_line, Held::posted_turn,
    Held::view, Held::pin};

constexpr bool owns_word(Held held) {
  return held == Held::word || held == Held::armed_record || held == Held::awaited_views;
}
constexpr bool sleeps(Held held) {
  return held == Held::awaited_views || held == Held::place_in_line || held == Held::posted_turn;
}
constexpr bool owns_nothing(Held held) { return held == Held::place_in_line || held == Held::posted_turn; }
/// A mutation that adds the holder's key.
constexpr bool mutates(Held held) { return owns_word(held) || held == Held::place_in_line; }

inline std::string name_of(Held held) {
  switch (held) {
    case Held::word:
      return "Writer";
    case Held::armed_record:
      return "ArmedWriter";
    case Held::awaited_views:
      return "WriterParkedBehindAView";
    case Held::place_in_line:
      return "WriterParkedBehindAWriter";
    case Held::posted_turn:
      return "ViewParkedBehindAWriter";
    case Held::view:
      return "View";
    case Held::pin:
      return "Reader";
  }
  return {};
}

/// How a child is forked.
enum class Forked { by_fork, by_underscore_fork, by_clone, by_the_holding_thread };

inline std::string name_of(Forked forked) {
  switch (forked) {
    case Forked::by_fork:
      return "Fork";
    case Forked::by_underscore_fork:
      return "UnderscoreFork";
    case Forked::by_clone:
      return "RawClone";
    case Forked::by_the_holding_thread:
      return "ForkByTheHoldingThread";
  }
  return {};
}

inline constexpr Forked every_fork[] = {Forked::by_fork, Forked::by_underscore_fork, Forked::by_clone,
                                        Forked::by_the_holding_thread};

using ForkCase = std::tuple<Held, Forked>;

/// Who sleeps forks nothing itself.
inline std::vector<ForkCase> fork_cases() {
  std::vector<ForkCase> cases;
  for (const Held held : every_held)
    for (const Forked forked : every_fork)
      if (!sleeps(held) || forked != Forked::by_the_holding_thread) cases.emplace_back(held, forked);
  return cases;
}

inline std::string name_of_fork_case(const testing::TestParamInfo<ForkCase>& test) {
  return name_of(std::get<Held>(test.param)) + "_" + name_of(std::get<Forked>(test.param));
}

/// What somebody else wants meanwhile, or afterwards.
enum class Wish { write, view, open, read };
inline constexpr Wish every_wish[] = {Wish::write, Wish::view, Wish::open, Wish::read};

inline std::string name_of(Wish wish) {
  constexpr const char* names[] = {"a write", "a view", "an open", "a read"};
  return names[static_cast<int>(wish)];
}

/// True if a wish waits for what is held, rather than being refused or granted at once.
constexpr bool waits(Wish wish, Held held) {
  return (owns_word(held) && (wish == Wish::write || wish == Wish::view)) ||
         (held == Held::view && wish == Wish::write);
}

/// What whoever comes after the holder has to know of it. Processes that exec get it as text.
struct Legacy {
  Held held;
  std::uint64_t generation;  ///< before it went
  sync::Identity holder;
};

}  // namespace radish::tests
