#include "torture/verdict.h"

#include <fmt/format.h>

#include "torture/settle.h"

namespace radish::stress::torture {
namespace {

constexpr std::string_view filling = "filling/";

void settle_all(const Ledger& ledger, const Tree& tree) {
  const std::uint32_t ranges = ledger.setting().ranges();
  Strand& own = ledger.strand(coordinator_strand);
  for (std::uint32_t range = 0; range < ranges; ++range) {
    const Settled settled = settle_range(ledger, range, tree);
    own.add(Count::in_flight_before, settled.before);
    own.add(Count::in_flight_after, settled.after);
    if (!settled.violation.empty()) ledger.report("complete comparison: " + settled.violation);
  }
}

/// Of the steps that everybody made at the shared keys none is missing, and none is there that nobody began.
void settle_shared(const Ledger& ledger, const Tree& tree) {
  for (KeyId key = 0; key < ledger.keys(); ++key) {
    const KeyRecord& record = ledger.record(key);
    if (record.sort != Sort::shared) continue;
    const Interval at{ledger.acknowledged(key), ledger.intended(key), ledger.intended(key)};
    const auto found = tree.find(ledger.bytes(key));
    if (!found || !may_be(key, record.period, at, *found))
      ledger.report(
          fmt::format("complete comparison: {} that all count up is {}; {} steps were done, {} begun",
                      printable(ledger.bytes(key)), found ? describe_value(*found) : found.error().message,
                      at.low, at.high));
    else
      ledger.settle(key, *found ? version_of(**found) : 0);
  }
}

/// Every entry of the tree is one of the ledger's. How many; the lookups have shown that none is missing.
std::uint64_t scan_all(const Ledger& ledger, const Tree& tree) {
  auto cursor = tree.cursor();
  std::uint64_t entries = 0;
  for (KeyId after = 0; cursor; ++entries) {
    const auto entry = cursor->next();
    if (!entry) ledger.report("complete comparison: scan: " + entry.error().message);
    if (!entry || !*entry) return entries;
    const KeyId key = ledger.find((*entry)->key);
    if (key == ledger.keys() || key < after ||
        ledger.value_at(key, ledger.acknowledged(key)) != (*entry)->value) {
      ledger.report(
          fmt::format("complete comparison: the scan shows {} with {:#x}, which is not so or out of place",
                      printable((*entry)->key), (*entry)->value));
      return entries;
    }
    after = key + 1;
  }
  ledger.report("complete comparison: cursor: " + cursor.error().message);
  return entries;
}

std::uint64_t keys_present(const Ledger& ledger) {
  std::uint64_t present = 0;
  for (KeyId key = 0; key < ledger.keys(); ++key)
    present += is_present(ledger.record(key).period, ledger.acknowledged(key));
  return present;
}

}  // namespace

void compare_completely(const Ledger& ledger, const Tree& tree) {
  const auto view = tree.view();
  if (!view) return ledger.report("complete comparison: view: " + view.error().message);
  if (const auto whole = tree.verify(); !whole) ledger.report("verify: " + whole.error().message);
  settle_all(ledger, tree);
  settle_shared(ledger, tree);
  const std::uint64_t entries = scan_all(ledger, tree), present = keys_present(ledger);
  const auto count = tree.count();
  if (entries != present || !count || *count != present)
    ledger.report(fmt::format("complete comparison: {} keys acknowledged, {} scanned, count() {}", present,
                              entries, count ? *count : 0));
}

namespace {

/// How many keys go in before `full` is answered; then nothing is left that could be made use of.
std::uint64_t fill(const Ledger& ledger, Tree& tree) {
  constexpr std::uint64_t keys_max = 1'000'000;
  std::uint64_t filled = 0;
  Result<bool> made = true;
  for (; made && filled < keys_max; filled += made.has_value())
    made = tree.insert(fmt::format("{}{}", filling, filled), filled);
  const auto stats = tree.stats();
  if (!stats) ledger.report("stats: " + stats.error().message);
  if (made || made.error().code != Code::full)
    ledger.report(fmt::format("after {} inserts with nobody else alive, a full segment answers: {}", filled,
                              made ? "yes" : made.error().message));
  else if (stats && stats->blocks_retired != 0)
    ledger.report(
        fmt::format("a segment is called full with {} of its {} blocks retired and nobody to read them",
                    stats->blocks_retired, stats->blocks));
  return filled;
}

void erase_filling(const Ledger& ledger, Tree& tree, std::uint64_t filled) {
  const auto erased = tree.erase_prefix(filling);
  if (!erased || *erased != filled)
    ledger.report(
        fmt::format("of {} keys that filled the segment, {} were erased", filled, erased ? *erased : 0));
}

}  // namespace

void fill_up(const Ledger& ledger, Tree& tree) {
  const std::uint64_t first = fill(ledger, tree);
  erase_filling(ledger, tree, first);
  const std::uint64_t second = fill(ledger, tree);
  erase_filling(ledger, tree, second);
  if (second * 10 < first * 9)
    ledger.report(
        fmt::format("of a segment that {} keys filled, {} fill it once these are erased", first, second));
}

}  // namespace radish::stress::torture
