#include "crashpoints/campaign.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "crashpoints/board.h"
#include "crashpoints/case_file.h"
#include "crashpoints/case_source.h"
#include "crashpoints/report.h"

namespace radish::crashpoints {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t shrink_attempts_max = 150;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What a process of the campaign does.
class Worker {
 public:
  Worker(const Options& options, Board& board, Seat& seat, Clock::time_point start)
      : options_(options),
        board_(board),
        seat_(seat),
        start_(start),
        source_(options.seed),
        engines_(options) {}

  void work() {
    while (!board_.stop && !time_is_over()) {
      const std::uint64_t number = board_.next++;
      if (options_.seconds == 0 && number >= source_.finite()) break;
      const Case explored = source_.at(number);
      if (!is_wanted(explored)) continue;
      seat_.number = number;
      explore(explored, choose_engine(), number);
      ++seat_.done;
    }
  }

 private:
  [[nodiscard]] bool time_is_over() const {
    return options_.seconds != 0 && seconds_since(start_) >= options_.seconds;
  }
  [[nodiscard]] bool is_wanted(const Case& explored) const {
    const auto has = [&](const Operation& operation) {
      return (engines_.shipped().subject().acts & bit_of(static_cast<Act>(operation.kind))) != 0;
    };
    if (!has(explored.mutation) || !std::ranges::all_of(explored.base, has)) return false;
    return options_.operations.empty() ||
           std::ranges::find(options_.operations, model::fields_of(explored.mutation.kind).name) !=
               options_.operations.end();
  }
  /// Of all engines, the one that has had least of its share of the time.
  EngineKind choose_engine() {
    if (options_.engine != "all") return engine_named(options_.engine);
    constexpr std::array<double, engine_kinds> shares{0.5, 0.4, 0.1};
    std::size_t chosen = 0;
    for (std::size_t kind = 1; kind < engine_kinds; ++kind)
      if (spent_[kind] / shares[kind] < spent_[chosen] / shares[chosen]) chosen = kind;
    return static_cast<EngineKind>(chosen);
  }

  void explore(const Case& explored, EngineKind kind, std::uint64_t number) {
    seat_.engine = kind;
    const Clock::time_point begun = Clock::now();
    engines_.stores = {};
    engines_.steps = {};
    engines_.spans = {};
    const std::uint64_t seed = model::Random(options_.seed ^ number).next();
    const auto found = engines_.explore(kind, explored, seed);
    spent_[static_cast<std::size_t>(kind)] += seconds_since(begun);
    tell(explored);
    if (found) lay_down({options_, kind, seed, explored}, *found);
  }

  void tell(const Case& explored) {
    Row& row = board_.rows[static_cast<std::size_t>(explored.mutation.kind)];
    ++row.cases;
    for (unsigned level = 0; level < levels; ++level) {
      row.store_states[level] += engines_.stores.states[level];
      row.step_states[level] += engines_.steps.states[level];
    }
    row.visited += engines_.stores.visited;
    row.instructions += engines_.steps.instructions;
    row.killed += engines_.steps.killed;
    row.span_reads += engines_.spans.reads;
    board_.lives += engines_.stores.lives;
  }

  void lay_down(Told told, const Finding& found) {
    ++board_.rows[static_cast<std::size_t>(told.explored.mutation.kind)].failures;
    const std::uint32_t place = board_.cases_written++;
    if (place + 1 >= options_.failures) board_.stop = true;
    if (place >= options_.failures) return;
    fmt::print(stderr, "FAILED: {}\n{}\n", found.what, found.where);
    const std::string directory = fmt::format("{}/{}", options_.case_directory, place);
    write_finding(directory, told, found, engines_);  // before shrinking, which may find no end
    told = shrink(engines_, std::move(told), shrink_attempts_max);
    if (auto smaller = engines_.explore(told.engine, told.explored, told.seed))
      write_finding(directory, told, *smaller, engines_);
  }

  const Options& options_;
  Board& board_;
  Seat& seat_;
  Clock::time_point start_;
  CaseSource source_;
  Engines engines_;
  std::array<double, engine_kinds> spent_{};
};

/// The process that looks after the others.
class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), board_(make_board()) {}

  int run() {
    fmt::print("crashpoints, seed {}, {} processes\n", options_.seed, options_.jobs);
    std::fflush(nullptr);
    for (unsigned seat = 0; seat < options_.jobs; ++seat) start(seat);
    while (!workers_.empty()) {
      look_after_workers();
      show_progress();
    }
    fmt::print("{}", table(board_, options_, seconds_since(start_)));
    if (!options_.json.empty()) write_json(options_.json, board_, options_, seconds_since(start_));
    if (!options_.junit.empty()) write_junit(options_.junit, board_, seconds_since(start_));
    if (harness_failed_) return 3;
    return board_.failures() == 0 ? 0 : 1;
  }

 private:
  struct WorkerProcess {
    pid_t pid;
    unsigned seat;
  };

  void start(unsigned seat) {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child != 0) {
      workers_.push_back({child, seat});
      return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(3);
    int code = 0;
    try {
      Worker(options_, board_, board_.seats[seat], start_).work();
    } catch (const std::exception& exception) {
      fmt::print(stderr, "radish-check: case {}: {}\n", board_.seats[seat].number.load(), exception.what());
      code = 3;
    }
    std::fflush(nullptr);
    _exit(code);
  }

  /// Waits for a fifth of a second, or until one has ended.
  void look_after_workers() {
    pollfd ended{.fd = static_cast<int>(syscall(SYS_pidfd_open, workers_.front().pid, 0)),
                 .events = POLLIN,
                 .revents = 0};
    poll(&ended, 1, 200);
    close(ended.fd);
    std::erase_if(workers_, [&](const WorkerProcess& worker) {
      int status = 0;
      if (waitpid(worker.pid, &status, WNOHANG) != worker.pid) return false;
      if (WIFSIGNALED(status)) report_death(worker, WTERMSIG(status));
      if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        harness_failed_ = true;
        board_.stop = true;
      }
      return true;
    });
  }

  /// The judge died of what it was shown, or found no end.
  void report_death(const WorkerProcess& worker, int signal) {
    const Seat& seat = board_.seats[worker.seat];
    const Case explored = CaseSource(options_.seed).at(seat.number);
    ++board_.rows[static_cast<std::size_t>(explored.mutation.kind)].failures;
    board_.stop = true;
    const std::string what = fmt::format("the process that judged died of signal {}{}", signal,
                                         signal == SIGPROF ? ": no end was found" : "");
    fmt::print(stderr, "FAILED: {}\ncase {}, {}: {}\n", what, seat.number.load(), explored.name,
               model::to_text(explored.mutation));
    const Engines engines(options_);
    write_finding(options_.case_directory + "/death",
                  {options_, seat.engine, model::Random(options_.seed ^ seat.number).next(), explored},
                  {.what = what, .where = {}, .code = 0, .state = {}}, engines);
  }

  void show_progress() {
    if (isatty(STDERR_FILENO) != 1) return;
    const std::uint64_t asked = options_.seconds == 0 ? CaseSource(options_.seed).finite() : 0;
    fmt::print(stderr, "\r{}\033[K", live_line(board_, {seconds_since(start_), options_.seconds, asked}));
    if (workers_.empty()) fmt::print(stderr, "\n");
  }

  const Options& options_;
  Board& board_;
  Clock::time_point start_ = Clock::now();
  std::vector<WorkerProcess> workers_;
  bool harness_failed_ = false;
};

}  // namespace

int run_campaign(Options options) {
  if (options.seed == 0) options.seed = stress::draw_seed();
  if (options.jobs == 0) options.jobs = std::max(1U, std::thread::hardware_concurrency());
  options.jobs = std::min(options.jobs, jobs_max);
  if (options.case_directory.empty())
    options.case_directory =
        (std::filesystem::temp_directory_path() / fmt::format("radish-crashpoints-{}", options.seed))
            .string();
  const Engines probe(options);  // says at once what cannot be loaded
  return Campaign(options).run();
}

}  // namespace radish::crashpoints
