// Private to the trials: how an answer is judged, and what a call may cost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "fuzz/image_memory.h"
#include "fuzz/image_trial.h"
#include "radish/tree.hpp"
#include "tests/seam/probe_seam.h"

namespace radish::image {

/// F1. The most that campaigns saw, of files of 192 KiB, is a thirtieth of it; of larger ones a few for each
/// block that their heap has room for.
[[nodiscard]] constexpr std::uint64_t steps_max_of(std::uint64_t file_bytes) {
  return std::max(std::uint64_t{1'000'000}, file_bytes / 16 * 8);
}
/// F5. One path of the longest key, in nodes, and what a vector takes to grow to it.
inline constexpr std::int64_t memory_bytes_max = 12 << 20;

/// The one account of what trials have met.
[[nodiscard]] Totals& account();

/// Ends the process.
[[noreturn]] void blame(const std::string& what);
[[nodiscard]] std::string describe(const Error& error);
/// An error must say something, and be one of these.
void expect_code(const Error& error, std::initializer_list<Code> codes);

/// A call with its steps counted (F1), and its memory (F5).
template <class Call>
auto counted(Call call, std::int64_t bytes_max = memory_bytes_max) {
  const probe::Watch watch(probe::Watched::events, steps_max_of(account().file_bytes),
                           [] { blame("a call without an end"); });
  const MemoryWatch memory;
  struct Note {
    const MemoryWatch& memory;
    std::int64_t bytes_max;
    ~Note() {
      Totals& all = account();
      all.steps += probe::Watch::seen();
      all.steps_max = std::max(all.steps_max, probe::Watch::seen());
      all.memory_bytes_max = std::max(all.memory_bytes_max, MemoryWatch::peak_bytes());
      if (MemoryWatch::peak_bytes() > bytes_max) blame("a call that takes memory without measure");
    }
  } const note{memory, bytes_max};
  return call();
}

/// The plan through radish.h; for one file that is open nowhere.
void try_through_c(const Ground& ground, const Plan& plan);

}  // namespace radish::image
