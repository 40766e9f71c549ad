// What a torture shows: one live line, and a table at the end.
#pragma once

#include <cstdint>
#include <string>

#include "torture/killer.h"
#include "torture/ledger.h"
#include "torture/options.h"

namespace radish::stress::torture {

struct Progress {
  std::uint64_t started_ns = 0;
  std::uint64_t rounds = 0;
  Strikes strikes{};
};

/// Percentiles of the recoveries so far, in microseconds.
struct Latency {
  std::uint64_t samples = 0;
  std::uint32_t p50_us = 0;
  std::uint32_t p99_us = 0;
  std::uint32_t max_us = 0;
};
[[nodiscard]] Latency latency_of(const Recovery& recovery);

/// On standard error, only if that is a terminal.
void show_live_line(const Ledger& ledger, const Progress& progress, std::uint64_t pinned);
void wipe_live_line();
[[nodiscard]] std::string table(const Options& options, const Ledger& ledger, const Progress& progress);

}  // namespace radish::stress::torture
