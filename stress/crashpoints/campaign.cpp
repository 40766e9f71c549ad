#include "crashpoints/campaign.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "crashpoints/case_source.h"
#include "crashpoints/limit.h"
#include "crashpoints/matrix.h"
#include "crashpoints/report.h"
#include "crashpoints/worker.h"
#include "interruption.h"

namespace radish::crashpoints {
namespace {

using stress::interrupted;

constexpr int exit_found = 1, exit_error = 3;

/// A process of its own that does something, and exits with 3 if that throws.
template <class Body>
pid_t start_process(const std::string& who, Body body) {
  std::fflush(nullptr);
  const pid_t child = fork_bounded();
  if (child != 0) return child;
  int code = 0;
  try {
    body();
  } catch (const std::exception& exception) {
    fmt::print(stderr, "radish-check: {}: {}\n", who, exception.what());
    code = 3;
  }
  std::fflush(nullptr);
  _exit(code);
}

/// The process that looks after the others.
class Campaign {
 public:
  /// Says at once what cannot be loaded.
  explicit Campaign(Options options)
      : options_(std::move(options)), engines_(options_), board_(make_board()) {}

  void run() {
    fmt::print("crashpoints{}{}, seed {}, {} processes\n", options_.name.empty() ? "" : ", ", options_.name,
               options_.seed, options_.jobs);
    start_ = Clock::now();
    for (unsigned seat = 0; seat < options_.jobs; ++seat) start(seat);
    while (!workers_.empty() && interrupted == 0) {
      look_after_workers();
      show_progress();
    }
    leave_nobody();
    seconds_ = seconds_since(start_);
  }

  [[nodiscard]] Campaigned told() const { return {board_, options_, engines_, seconds_}; }

  /// Exit code.
  [[nodiscard]] int verdict() const {
    Row sum{};
    board_.sum_up(sum);
    if (sum.all_failures() != 0) return exit_found;
    if (harness_failed_) return exit_error;
    const auto lacking = shortcoming(sum, !options_.twin.empty());
    if (lacking)
      fmt::print(stderr, "radish-check: {}{}{}\n", options_.name, options_.name.empty() ? "" : ": ",
                 *lacking);
    return lacking ? exit_error : 0;
  }

 private:
  struct Process {
    pid_t pid;
    unsigned seat;
    int status = 0;
    bool overdue = false;
  };

  void start(unsigned seat) {
    Seat& place = board_.seats[seat];
    place.begun_ns = 0;
    place.laying_down = false;
    workers_.push_back({start_process(fmt::format("process {}", seat),
                                      [&] { work(options_, board_, board_.seats[seat], start_); }),
                        seat});
  }

  /// Waits for a fifth of a second, or until one has ended.
  void look_after_workers() {
    pollfd ended{.fd = static_cast<int>(syscall(SYS_pidfd_open, workers_.front().pid, 0)),
                 .events = POLLIN,
                 .revents = 0};
    poll(&ended, 1, 200);
    close(ended.fd);
    std::vector<Process> gone;
    std::erase_if(workers_, [&](Process& worker) {
      if (waitpid(worker.pid, &worker.status, WNOHANG) == worker.pid) {
        gone.push_back(worker);
        return true;
      }
      end_if_overdue(worker);
      return false;
    });
    if (interrupted == 0)
      for (const Process& worker : gone) meet_end(worker);
  }

  void end_if_overdue(Process& worker) const {
    const std::int64_t begun_ns = board_.seats[worker.seat].begun_ns;
    const std::int64_t now_ns = Clock::now().time_since_epoch().count();
    if (begun_ns == 0 || now_ns - begun_ns < std::int64_t{limits.case_seconds} * 1'000'000'000) return;
    worker.overdue = true;
    kill(worker.pid, SIGKILL);
  }

  void meet_end(const Process& worker) {
    if (WIFSIGNALED(worker.status) && WTERMSIG(worker.status) == SIGKILL && !worker.overdue) {
      fmt::print(stderr, "radish-check: process {}: {}\n", worker.seat, Disturbed().what());
      fail();
    } else if (WIFSIGNALED(worker.status)) {
      report_death(board_.seats[worker.seat],
                   worker.overdue ? overslept() : died_of(WTERMSIG(worker.status)));
      if (!board_.stop) start(worker.seat);
    } else if (WEXITSTATUS(worker.status) != 0) {
      fail();
    }
  }

  /// The judge died of what it was shown, or found no end.
  void report_death(const Seat& seat, const std::string& death) {
    if (seat.begun_ns == 0) {
      fmt::print(stderr, "radish-check: a process that explored nothing {}\n", death);
      return fail();
    }
    if (seat.laying_down) {
      fmt::print(stderr, "the process that judged {}, before it knew the smallest case\n", death);
      return;
    }
    const Told told = told_of(options_, seat.engine, seat.number, CaseSource(options_.seed).at(seat.number));
    const Finding found{"the process that judged " + death,
                        fmt::format("case {}, {}: {}", seat.number.load(), told.explored.name,
                                    model::to_text(told.explored.mutation))};
    const auto directory = count_failure(options_, board_, told);
    if (!directory) return;
    fmt::print(stderr, "FAILED: {}\n{}\n", found.what, found.where);
    const pid_t writer = start_process("the case cannot be laid down, or not all of it",
                                       [&] { write_finding(*directory, told, found, engines_); });
    try {
      if (const auto end = await_bounded(writer); !end)
        fmt::print(stderr, "the process that laid down the case {}: not all of it is there\n", end.error());
    } catch (const Disturbed& disturbed) {
      fmt::print(stderr, "the case is not laid down, or not all of it: {}\n", disturbed.what());
    }
  }

  void fail() {
    harness_failed_ = true;
    board_.stop = true;
  }

  /// Nor those whom the dead had forked.
  void leave_nobody() {
    for (const Process& worker : workers_) kill(worker.pid, SIGKILL);
    workers_.clear();
    while (waitpid(-1, nullptr, 0) > 0) {
    }
  }

  void show_progress() {
    if (isatty(STDERR_FILENO) != 1) return;
    const std::uint64_t engines = options_.engine == "all" ? engine_kinds : 1;
    const std::uint64_t asked =
        options_.seconds == 0 ? engines * CaseSource(options_.seed).wanted(options_) : 0;
    fmt::print(stderr, "\r{}\033[K", live_line(board_, {seconds_since(start_), options_.seconds, asked}));
    if (workers_.empty()) fmt::print(stderr, "\n");
  }

  const Options options_;
  const Engines engines_;
  Board& board_;
  Clock::time_point start_;
  double seconds_ = 0;
  std::vector<Process> workers_;
  bool harness_failed_ = false;
};

/// Where cases are to be laid down; gone again at the end if there were none.
class CaseDirectory {
 public:
  explicit CaseDirectory(const std::string& path) : path_(path) {
    try {
      stress::write_text_file(path_, "probe", "");
    } catch (const std::exception& exception) {
      throw std::runtime_error(fmt::format("cases cannot be laid down in {}: {}", path_, exception.what()));
    }
    std::filesystem::remove(std::filesystem::path(path_) / "probe");
  }
  CaseDirectory(const CaseDirectory&) = delete;
  CaseDirectory& operator=(const CaseDirectory&) = delete;
  ~CaseDirectory() {
    std::error_code not_empty;
    std::filesystem::remove(path_, not_empty);
  }

 private:
  std::string path_;
};

void fill_in(Options& options) {
  if (options.seed == 0) options.seed = stress::draw_seed();
  if (options.jobs == 0) options.jobs = std::max(1U, std::thread::hardware_concurrency());
  options.jobs = std::min(options.jobs, jobs_max);
  if (!options.case_directory.empty()) return;
  const auto name = fmt::format("radish-crashpoints-{}", options.seed);
  options.case_directory = (std::filesystem::temp_directory_path() / name).string();
}

/// What was found is not lost if that fails.
bool write_reports(const Options& options, const std::vector<Campaigned>& parts) {
  try {
    fmt::print("{}", table(options, parts));
    if (std::fflush(stdout) != 0) throw std::runtime_error("the table cannot be printed");
    if (!options.json.empty()) write_json(options.json, options, parts);
    if (!options.junit.empty()) write_junit(options.junit, parts);
    return true;
  } catch (const std::exception& exception) {
    fmt::print(stderr, "radish-check: {}\n", exception.what());
    return false;
  }
}

/// That of the worst: what was found outweighs what could not be looked at.
int conclude(const Options& options, const std::deque<Campaign>& campaigns) {
  std::vector<Campaigned> parts;
  for (const Campaign& campaign : campaigns) parts.push_back(campaign.told());
  bool failed = !write_reports(options, parts) || interrupted != 0;
  if (interrupted != 0) fmt::print(stderr, "interrupted\n");
  for (const Campaign& campaign : campaigns) {
    const int verdict = campaign.verdict();
    if (verdict == exit_found) return exit_found;
    failed |= verdict != 0;
  }
  return failed ? exit_error : 0;
}

}  // namespace

int run_campaign(Options options) {
  fill_in(options);
  const CaseDirectory cases(options.case_directory);
  std::deque<Campaign> campaigns;
  for (Options& part : parts_of(options)) campaigns.emplace_back(std::move(part));
  stress::heed_interruptions();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (Campaign& campaign : campaigns)
    if (interrupted == 0) campaign.run();
  return conclude(options, campaigns);
}

}  // namespace radish::crashpoints
