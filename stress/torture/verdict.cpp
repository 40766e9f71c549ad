#include "torture/verdict.h"

#include <fmt/format.h>

#include "torture/settle.h"

namespace radish::stress::torture {
namespace {

void settle_all(const Ledger& ledger, const Tree& tree) {
  const std::uint32_t ranges = ledger.setting().writers * strands_per_seat;
  Strand& own = ledger.strand(coordinator_strand);
  for (std::uint32_t range = 0; range < ranges; ++range) {
    const Settled settled = settle_range(ledger, range, tree);
    own.add(Count::in_flight_before, settled.before);
    own.add(Count::in_flight_after, settled.after);
    if (!settled.violation.empty()) ledger.report("complete comparison: " + settled.violation);
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
        value_of(key, ledger.state(key).acknowledged.load()) != (*entry)->value) {
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
    present += is_present(ledger.record(key).period, ledger.state(key).acknowledged.load());
  return present;
}

}  // namespace

void compare_completely(const Ledger& ledger, const Tree& tree) {
  const auto view = tree.view();
  if (!view) return ledger.report("complete comparison: view: " + view.error().message);
  if (const auto whole = tree.verify(); !whole) ledger.report("verify: " + whole.error().message);
  settle_all(ledger, tree);
  const std::uint64_t entries = scan_all(ledger, tree), present = keys_present(ledger);
  const auto count = tree.count();
  if (entries != present || !count || *count != present)
    ledger.report(fmt::format("complete comparison: {} keys acknowledged, {} scanned, count() {}", present,
                              entries, count ? *count : 0));
}

void fill_up(const Ledger& ledger, Tree& tree) {
  constexpr std::string_view prefix = "filling/";
  constexpr std::uint64_t keys_max = 1'000'000;
  std::uint64_t filled = 0;
  Result<bool> made = true;
  for (; made && filled < keys_max; filled += made.has_value())
    made = tree.insert(fmt::format("{}{}", prefix, filled), filled);
  if (made || made.error().code != Code::full)
    ledger.report(fmt::format("after {} inserts with nobody else alive, a full segment answers: {}", filled,
                              made ? "yes" : made.error().message));
  const auto erased = tree.erase_prefix(prefix);
  if (!erased || *erased != filled)
    ledger.report(
        fmt::format("of {} keys that filled the segment, {} were erased", filled, erased ? *erased : 0));
}

}  // namespace radish::stress::torture
