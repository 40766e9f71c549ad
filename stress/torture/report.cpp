#include "torture/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string_view>
#include <vector>

namespace radish::stress::torture {
namespace {

std::uint64_t operations_of(const Ledger& ledger) {
  return std::accumulate(
      std::begin(operations), std::end(operations), std::uint64_t{0},
      [&](std::uint64_t sum, const Operation& one) { return sum + ledger.total(one.count); });
}

double seconds_of(const Ledger& ledger) {
  return static_cast<double>(now_ns() - ledger.setting().started_ns) / 1e9;
}

std::string thousands(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string grouped;
  for (std::size_t place = 0; place < digits.size(); ++place) {
    if (place != 0 && (digits.size() - place) % 3 == 0) grouped += ',';
    grouped += digits[place];
  }
  return grouped;
}

std::string milliseconds(std::uint32_t us) { return fmt::format("{:.2f}", us / 1000.0); }

bool is_terminal() { return isatty(STDERR_FILENO) == 1; }

/// A row of the table: a name, then numbers with their names.
class Table {
 public:
  void row(std::string_view name, std::initializer_list<std::pair<std::string_view, std::uint64_t>> cells) {
    text_ += fmt::format("  {:<18}", name);
    for (const auto& [label, number] : cells) text_ += fmt::format(" {} {}", thousands(number), label);
    text_ += '\n';
  }
  void line(std::string_view name, std::string_view text) {
    text_ += fmt::format("  {:<18} {}\n", name, text);
  }
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  std::string text_;
};

std::string latency_text(const Recovery& recovery) {
  const Latency latency = latency_of(recovery);
  return fmt::format(
      "{} takeovers; death to write, {} measured: p50 {} ms, p99 {} ms, longest {} ms; {} "
      "beside somebody stopped",
      thousands(recovery.takeovers.load()), thousands(latency.samples), milliseconds(latency.p50_us),
      milliseconds(latency.p99_us), milliseconds(latency.max_us), thousands(recovery.censored.load()));
}

void add_operations(Table& table, const Ledger& ledger) {
  const auto total = [&](Count kind) { return ledger.total(kind); };
  table.row("writes", {{"insert,", total(Count::inserts)},
                       {"insert_new,", total(Count::inserts_new)},
                       {"compare_exchange,", total(Count::exchanges)},
                       {"fetch_add,", total(Count::additions)},
                       {"erase,", total(Count::erasures)},
                       {"erase_prefix,", total(Count::prefix_erasures)},
                       {"that must change nothing", total(Count::unchanging)}});
  table.row("shared keys", {{"fetch_add,", total(Count::shared_additions)},
                            {"compare_exchange", total(Count::shared_exchanges)}});
  table.row("reads", {{"find,", total(Count::finds)},
                      {"contains,", total(Count::strangers)},
                      {"longest_prefix,", total(Count::longest_prefixes)},
                      {"prefixes,", total(Count::all_prefixes)},
                      {"pairs of those finds,", total(Count::pairs)},
                      {"count", total(Count::key_counts)}});
  table.row("walks", {{"scans", total(Count::scans)},
                      {"keys checked in them,", total(Count::entries_scanned)},
                      {"stable views", total(Count::views)}});
}

void add_processes(Table& table, const Ledger& ledger, const Strikes& strikes) {
  const auto total = [&](Count kind) { return ledger.total(kind); };
  table.row("killed", {{"anywhere,", strikes.killed},
                       {"aimed at the lock's holder,", strikes.killed_writers},
                       {"ambushed with the lock,", strikes.killed_ambushed},
                       {"aimed at a view's,", strikes.killed_views},
                       {"aimed at a lookup,", strikes.killed_readers},
                       {"with their children,", strikes.killed_groups},
                       {"stopped,", strikes.killed_stopped},
                       {"in massacres,", strikes.killed_in_massacres},
                       {"before an event of the library", total(Count::deaths_within)}});
  table.row("stopped", {{"stops,", strikes.stops},
                        {"ended by SIGCONT,", strikes.resumed},
                        {"of a writer beside which lookups were watched", strikes.vigils}});
  table.row("processes", {{"fork beside,", total(Count::forks)},
                          {"fork and end,", total(Count::hand_overs)},
                          {"exec,", total(Count::execs)},
                          {"with threads,", total(Count::threads)},
                          {"without their main thread", total(Count::ends_of_main)}});
  table.row("opens", {{"created,", total(Count::created)},
                      {"attached,", total(Count::attached)},
                      {"recovered,", total(Count::recovered)},
                      {"healed", total(Count::healed)}});
  table.row("keys in flight", {{"found as before,", total(Count::in_flight_before)},
                               {"found changed", total(Count::in_flight_after)}});
  table.row("allowed errors", {{"full,", total(Count::full)},
                               {"pinned,", total(Count::pinned)},
                               {"timed_out,", total(Count::timed_out)},
                               {"without a slot", total(Count::without_slot)}});
}

}  // namespace

Latency latency_of(const Recovery& recovery) {
  std::vector<std::uint32_t> sorted;
  const std::uint64_t count = std::min<std::uint64_t>(recovery.count.load(), Recovery::samples_max);
  for (std::size_t index = 0; index < count; ++index)
    if (const std::uint32_t sample = recovery.samples_us[index].load(std::memory_order_relaxed); sample != 0)
      sorted.push_back(sample);
  Latency latency{.samples = sorted.size()};
  if (sorted.empty()) return latency;
  std::ranges::sort(sorted);
  latency.p50_us = sorted[sorted.size() / 2];
  latency.p99_us = sorted[std::min(sorted.size() - 1, sorted.size() * 99 / 100)];
  latency.max_us = sorted.back();
  return latency;
}

void show_live_line(const Ledger& ledger, const Progress& progress, std::uint64_t pinned) {
  if (!is_terminal()) return;
  const Latency latency = latency_of(ledger.recovery());
  const Strikes& strikes = progress.strikes;
  fmt::print(stderr,
             "\r\x1b[K{:4.0f} s  {} operations  {} kills (aimed at: {} lock holders, {} views, {} lookups)  "
             "{} stops  {} "
             "recoveries, p50 {} ms, p99 {} ms  {} pinned by stopped  {} failures",
             seconds_of(ledger), thousands(operations_of(ledger)), strikes.kills(),
             strikes.killed_writers + strikes.killed_ambushed, strikes.killed_views, strikes.killed_readers,
             strikes.stops, ledger.recovery().takeovers.load(), milliseconds(latency.p50_us),
             milliseconds(latency.p99_us), pinned, ledger.failures());
}

void wipe_live_line() {
  if (is_terminal()) fmt::print(stderr, "\r\x1b[K");
}

std::string table(const Options& options, const Ledger& ledger, const Progress& progress) {
  const double seconds = seconds_of(ledger);
  const std::uint64_t all = operations_of(ledger);
  const auto a_second = [&](std::uint64_t number) {
    return static_cast<std::uint64_t>(static_cast<double>(number) / seconds);
  };
  Table table;
  table.line("torture",
             fmt::format("seed {}, {:.0f} s, {} rounds, {} keys of {} writers, {} readers, {} stable-view "
                         "holders, {} iterators",
                         options.seed, seconds, progress.rounds, thousands(ledger.keys()), options.writers,
                         options.readers, options.views, options.iterators));
  table.row("operations", {{"in all,", all}, {"a second, each answer checked", a_second(all)}});
  add_operations(table, ledger);
  table.line("kills", fmt::format("{} in all, {:.1f} a second", thousands(progress.strikes.kills()),
                                  static_cast<double>(progress.strikes.kills()) / seconds));
  add_processes(table, ledger, progress.strikes);
  table.line("recovery", latency_text(ledger.recovery()));
  table.line("failures", std::to_string(ledger.failures()));
  if (ledger.troubles() != 0) table.line("harness errors", std::to_string(ledger.troubles()));
  return std::move(table).take();
}

}  // namespace radish::stress::torture
