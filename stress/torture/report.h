// What a torture shows: one live line, and a table at the end.
#pragma once

#include <cstdint>
#include <string>

#include "torture/killer.h"
#include "torture/ledger.h"
#include "torture/options.h"

namespace radish::stress::torture {

struct Operation {
  Count count;
  const char* name;
};
/// What is counted as one. Each of them must occur.
inline constexpr Operation operations[] = {{Count::inserts, "insert"},
                                           {Count::inserts_new, "insert_new"},
                                           {Count::exchanges, "compare_exchange"},
                                           {Count::additions, "fetch_add"},
                                           {Count::erasures, "erase"},
                                           {Count::prefix_erasures, "erase_prefix"},
                                           {Count::shared_additions, "fetch_add at a shared key"},
                                           {Count::shared_exchanges, "compare_exchange at a shared key"},
                                           {Count::unchanging, "write that must change nothing"},
                                           {Count::finds, "find"},
                                           {Count::strangers, "contains"},
                                           {Count::longest_prefixes, "longest_prefix"},
                                           {Count::all_prefixes, "prefixes"},
                                           {Count::key_counts, "count"},
                                           {Count::scans, "scan"},
                                           {Count::views, "stable view"}};

struct Progress {
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
