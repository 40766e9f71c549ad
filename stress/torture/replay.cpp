#include "torture/replay.h"

#include <fmt/format.h>

#include <filesystem>

#include "torture/campaign.h"
#include "torture/ledger.h"
#include "torture/verdict.h"

namespace radish::stress::torture {
namespace {

namespace fs = std::filesystem;

/// Compares a copy of the segment as it was left with the ledger as it was left. Says what it finds.
bool examine_remains(const fs::path& directory) {
  if (!fs::exists(directory / "segment") || !fs::exists(directory / "ledger")) return false;
  const Ledger ledger = Ledger::load((directory / "ledger").string());
  const fs::path copy = directory / "segment.examined";
  fs::copy_file(directory / "segment", copy, fs::copy_options::overwrite_existing);
  const std::uint32_t known = ledger.failures();
  if (const auto tree = Tree::open(copy.string(), {.must_exist = true}); tree)
    compare_completely(ledger, *tree);
  else
    ledger.report("open: " + tree.error().message);
  fs::remove(copy);
  const bool wrong = ledger.failures() != known;
  fmt::print("the segment that was left {}\n", wrong ? "is wrong by itself:\n" + ledger.failure_texts()
                                                     : "agrees with the ledger that was left");
  return wrong;
}

}  // namespace

int replay(const Case& found, const std::string& directory) {
  const bool remains_are_wrong = examine_remains(directory);
  Options options = from_json(found.options);
  options.seed = found.seed;
  options.case_directory = directory + "/again";
  const int again = run_torture(options);
  return remains_are_wrong ? 1 : again;
}

}  // namespace radish::stress::torture
