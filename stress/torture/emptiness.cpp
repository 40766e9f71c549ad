#include "torture/emptiness.h"

#include <fmt/format.h>

namespace radish::stress::torture {
namespace {

constexpr double seconds_enough = 30;
constexpr double acts_enough = 2000;

}  // namespace

void report_emptiness(const Options& options, const Ledger& ledger, const Progress& progress) {
  const auto require = [&](std::uint64_t number, std::string_view of_what) {
    if (number == 0) ledger.report_trouble(fmt::format("nothing was shown: there was no {}", of_what));
  };
  require(progress.rounds, "round");
  if (options.seconds < seconds_enough) return;
  for (const Operation& operation : operations) require(ledger.total(operation.count), operation.name);
  if (options.seconds * options.acts_per_second < acts_enough) return;
  require(progress.strikes.killed_ambushed, "process killed that held the lock for certain");
  require(progress.strikes.vigils, "lookup beside a writer that stood still");
  require(ledger.recovery().count.load(), "recovery that was measured");
}

}  // namespace radish::stress::torture
