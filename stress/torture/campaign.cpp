#include "torture/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "case.h"
#include "interruption.h"
#include "torture/emptiness.h"
#include "torture/report.h"
#include "torture/round.h"
#include "torture/scratch.h"
#include "torture/warden.h"
#include "twins.h"

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t capacity_bytes = 64 << 20;

class Campaign {
 public:
  Campaign(const Options& options, const Ledger& ledger, const Scratch& scratch)
      : options_(options), ledger_(ledger), scratch_(scratch) {}

  void run() {
    const auto end_ns = now_ns() + static_cast<std::uint64_t>(options_.seconds * 1e9);
    const auto round_ns = static_cast<std::uint64_t>(options_.round_seconds * 1e9);
    while (now_ns() < end_ns && ledger_.all_is_well() && interrupted == 0)
      run_round(std::min(end_ns, now_ns() + round_ns));
    wipe_live_line();
    if (ledger_.all_is_well() && interrupted == 0) report_emptiness(options_, ledger_, progress_);
    const std::string shown = table(options_, ledger_, progress_);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    if (std::fflush(stdout) != 0) ledger_.report_trouble("the table cannot be printed");
  }

 private:
  void run_round(std::uint64_t until_ns) {
    RoundPlan plan = plan_round(options_, progress_.rounds);
    if (plan.fresh || place_ == nullptr || place_->is_small()) {
      plan.fresh = true;
      place_.reset();
      place_ = std::make_unique<Place>(plan, scratch_.path(plan.storage),
                                       plan.small ? small_capacity(plan.number) : capacity_bytes);
    }
    RoundRun round(options_, ledger_, plan, *place_, progress_.strikes);
    round.set_onlooker([&](std::uint64_t pinned) { show_live_line(ledger_, progress_, pinned); });
    round.set_witness([&] { lay_down(); });
    round.run(until_ns);
    ++progress_.rounds;
  }

  [[nodiscard]] std::uint64_t small_capacity(std::uint64_t number) const {
    return (256 << 10) + 4096 * random_for(options_.seed, "capacity", number).below(300);
  }

  /// Everybody stands still: what there is to see goes into the case.
  void lay_down() {
    write_text_file(options_.case_directory, "processes.txt", describe_processes(ledger_));
    ledger_.save(options_.case_directory + "/ledger");
    ledger_.laid_down().store(true);
    place_->save(options_.case_directory + "/segment");
  }

  const Options& options_;
  const Ledger& ledger_;
  const Scratch& scratch_;
  Progress progress_;
  std::unique_ptr<Place> place_;
};

Ledger make_ledger(const Options& options, int twin) {
  const Setting setting{.seed = options.seed,
                        .writers = options.writers,
                        .readers = options.readers,
                        .views = options.views,
                        .iterators = options.iterators,
                        .twin = twin,
                        .started_ns = now_ns(),
                        .recovery_limit_ns = static_cast<std::uint64_t>(options.recovery_seconds * 1e9)};
  return Ledger::create(setting,
                        make_key_set(options.seed, options.writers * strands_per_seat, options.keys));
}

/// First says what was found, then lays it down: that may fail.
void tell(const Options& options, const Ledger& ledger) {
  const std::string what = ledger.failure_texts();
  fmt::print(stderr, "{}: {}\nseed {}\n", ledger.failures() != 0 ? "FAILED" : "TROUBLE", what, options.seed);
  if (ledger.failures() == 0) return;
  try {
    write_case(options.case_directory,
               {.harness = "torture", .seed = options.seed, .options = to_json(options)}, what);
    if (!ledger.laid_down().load()) ledger.save(options.case_directory + "/ledger");
  } catch (const std::exception& exception) {
    fmt::print(stderr, "the case cannot be laid down, or not all of it: {}\n", exception.what());
  }
}

}  // namespace

int run_torture(Options options) {
  const int twin = twin_number(options.twin);
  become_twin(twin);
  if (options.seed == 0) options.seed = draw_seed();
  if (options.case_directory.empty())
    options.case_directory =
        (std::filesystem::temp_directory_path() / fmt::format("radish-torture-{}", options.seed)).string();
  heed_interruptions();
  fmt::print("torture, seed {}{}{}\n", options.seed, twin != 0 ? ", broken variant " : "", options.twin);
  const Ledger ledger = make_ledger(options, twin);
  const Scratch scratch(options);
  guard(options, ledger, [&] { Campaign(options, ledger, scratch).run(); });
  if (!ledger.all_is_well()) tell(options, ledger);
  if (interrupted != 0) fmt::print(stderr, "interrupted\n");
  if (ledger.failures() != 0) return 1;
  return !ledger.all_is_well() || interrupted != 0 ? 3 : 0;
}

}  // namespace radish::stress::torture
