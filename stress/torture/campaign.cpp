#include "torture/campaign.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "case.h"
#include "torture/report.h"
#include "torture/round.h"
#include "twins.h"

namespace radish::stress::torture {
namespace {

constexpr std::uint64_t capacity_bytes = 64 << 20;

volatile std::sig_atomic_t interrupted = 0;

std::string make_scratch(const std::filesystem::path& parent) {
  std::string name = (parent / "radish-torture-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a directory in " + parent.string());
  return name;
}

/// Directories of a torture's own, on a disk and in memory.
class Scratch {
 public:
  Scratch()
      : disk_(make_scratch(std::filesystem::temp_directory_path())), memory_(make_scratch("/dev/shm")) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(disk_, ignored);
    std::filesystem::remove_all(memory_, ignored);
  }
  [[nodiscard]] std::string path(Storage storage) const {
    return (storage == Storage::shm ? memory_ : disk_) + "/segment";
  }

 private:
  std::string disk_;
  std::string memory_;
};

class Campaign {
 public:
  Campaign(const Options& options, const Ledger& ledger, const Scratch& scratch)
      : options_(options), ledger_(ledger), scratch_(scratch) {}

  void run() {
    progress_.started_ns = now_ns();
    const auto end_ns = progress_.started_ns + static_cast<std::uint64_t>(options_.seconds * 1e9);
    const auto round_ns = static_cast<std::uint64_t>(options_.round_seconds * 1e9);
    while (now_ns() < end_ns && ledger_.failures() == 0 && interrupted == 0)
      run_round(std::min(end_ns, now_ns() + round_ns));
    wipe_live_line();
    fmt::print("{}", table(options_, ledger_, progress_));
    std::fflush(stdout);
  }

 private:
  void run_round(std::uint64_t until_ns) {
    RoundPlan plan = plan_round(options_, progress_.rounds);
    if (plan.fresh || place_ == nullptr || place_->is_small()) {
      plan.fresh = true;
      place_.reset();
      place_ =
          std::make_unique<Place>(plan, options_.file.empty() ? scratch_.path(plan.storage) : options_.file,
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
                        .recovery_limit_us = static_cast<std::uint64_t>(options.recovery_seconds * 1e6)};
  return Ledger::create(setting,
                        make_key_set(options.seed, options.writers * strands_per_seat, options.keys));
}

/// The coordinator is a process of its own, so that it can hang or crash and be told of.
pid_t start_coordinator(const Options& options, const Ledger& ledger, const Scratch& scratch) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  int status = 1;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  try {
    Campaign(options, ledger, scratch).run();
    status = 0;
  } catch (const std::exception& exception) {
    ledger.report(fmt::format("coordinator: {}", exception.what()));
  }
  std::fflush(nullptr);
  _exit(status);
}

void end_everybody(const Ledger& ledger) {
  for (std::uint32_t index = 0; index < coordinator_strand; ++index)
    if (const pid_t pid = ledger.strand(index).pid.load(); pid > 0) kill(pid, SIGKILL);
}

/// Waits for the coordinator, which beats its heart; reports how it ended if not well. Who may hang cannot be
/// waited for: it is looked at now and then.
void guard(pid_t coordinator, const Options& options, const Ledger& ledger) {
  const auto patience_ns = static_cast<std::uint64_t>((options.hang_seconds + 30) * 1e9);
  constexpr timespec interval{.tv_sec = 0, .tv_nsec = 50'000'000};
  int status = 0;
  ledger.heartbeat().beat(now_ns());
  while (waitpid(coordinator, &status, WNOHANG) == 0) {
    nanosleep(&interval, nullptr);
    if (ledger.heartbeat().silent_ns(now_ns) < patience_ns) continue;
    ledger.report(fmt::format("the coordinator hangs\n{}", describe_process(coordinator)));
    write_text_file(options.case_directory, "processes.txt", describe_processes(ledger));
    kill(coordinator, SIGKILL);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFSIGNALED(status)) ledger.report(fmt::format("the coordinator died of signal {}", WTERMSIG(status)));
  end_everybody(ledger);
}

}  // namespace

int run_torture(Options options) {
  const int twin = twin_number(options.twin);
  become_twin(twin);
  if (options.seed == 0) options.seed = draw_seed();
  if (options.case_directory.empty())
    options.case_directory =
        (std::filesystem::temp_directory_path() / fmt::format("radish-torture-{}", options.seed)).string();
  const Case found{.harness = "torture", .seed = options.seed, .options = to_json(options)};
  fmt::print("torture, seed {}{}{}\n", options.seed, twin != 0 ? ", broken variant " : "", options.twin);
  const Ledger ledger = make_ledger(options, twin);
  const Scratch scratch;
  guard(start_coordinator(options, ledger, scratch), options, ledger);
  if (ledger.failures() == 0) return 0;
  ledger.save(options.case_directory + "/ledger");
  write_case(options.case_directory, found, ledger.failure_texts());
  return 1;
}

}  // namespace radish::stress::torture
