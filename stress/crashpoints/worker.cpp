#include "crashpoints/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "crashpoints/case_source.h"
#include "crashpoints/limit.h"

namespace radish::crashpoints {
namespace {

constexpr std::size_t shrink_attempts_max = 150;

/// Neighbouring seeds and numbers have nothing to do with each other.
std::uint64_t seed_of(std::uint64_t seed, EngineKind engine, std::uint64_t number) {
  for (const std::uint64_t word : {static_cast<std::uint64_t>(engine), number})
    seed = model::Random(seed).next() + word;
  return model::Random(seed).next();
}

Clock::duration to_duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

Row& row_of(Board& board, const Told& told) {
  return board.rows[static_cast<std::size_t>(told.explored.mutation.kind)];
}

class Worker {
 public:
  Worker(const Options& options, Board& board, Seat& seat, Clock::time_point start)
      : options_(options),
        board_(board),
        seat_(seat),
        source_(options.seed),
        numbers_(source_.wanted(options)),
        engines_(options) {
    if (options.seconds != 0) deadline = start + to_duration(options.seconds);
    engines_.set_onlooker([this] { seat_.begun_ns = Clock::now().time_since_epoch().count(); });
  }

  void work() {
    while (!board_.stop && !time_is_over()) {
      const auto engine = choose_engine();
      if (!engine) break;
      const std::uint64_t number = board_.next[static_cast<std::size_t>(*engine)]++;
      if (is_finished(number)) continue;
      Case explored = source_.at(number);
      if (!is_wanted(explored)) continue;
      seat_.number = number;
      explore(told_of(options_, *engine, number, std::move(explored)));
      seat_.begun_ns = 0;
    }
  }

 private:
  [[nodiscard]] bool is_wanted(const Case& explored) const {
    const auto has = [&](const Operation& operation) {
      return (engines_.shipped().subject().acts & bit_of(static_cast<Act>(operation.kind))) != 0;
    };
    if (!has(explored.mutation) || !std::ranges::all_of(explored.base, has)) return false;
    return options_.operations.empty() ||
           std::ranges::find(options_.operations, model::fields_of(explored.mutation.kind).name) !=
               options_.operations.end();
  }
  /// All that is wanted has been.
  [[nodiscard]] bool is_finished(std::uint64_t number) const { return number >= numbers_; }
  /// Of the engines that are wanted and have not finished, the one that has had least of its share of the
  /// time.
  [[nodiscard]] std::optional<EngineKind> choose_engine() const {
    constexpr std::array<double, engine_kinds> shares{0.5, 0.4, 0.1};
    std::optional<std::size_t> chosen;
    for (std::size_t kind = 0; kind < engine_kinds; ++kind) {
      const bool wanted =
          options_.engine == "all" || options_.engine == name_of(static_cast<EngineKind>(kind));
      if (!wanted || is_finished(board_.next[kind])) continue;
      if (!chosen || spent_[kind] / shares[kind] < spent_[*chosen] / shares[*chosen]) chosen = kind;
    }
    return chosen ? std::optional(static_cast<EngineKind>(*chosen)) : std::nullopt;
  }

  void explore(Told told) {
    seat_.engine = told.engine;
    ++row_of(board_, told).cases[static_cast<std::size_t>(told.engine)];
    const Clock::time_point begun = Clock::now();
    engines_.stores = {};
    engines_.steps = {};
    engines_.spans = {};
    const auto found = explore_in_time(told);
    spent_[static_cast<std::size_t>(told.engine)] += seconds_since(begun);
    tell(told);
    if (found) lay_down(std::move(told), *found);
  }

  std::optional<Finding> explore_in_time(const Told& told) {
    try {
      return engines_.explore(told.engine, told.explored, told.seed);
    } catch (const CutOff&) {
      ++row_of(board_, told).cut[static_cast<std::size_t>(told.engine)];
      return std::nullopt;
    }
  }

  void tell(const Told& told) {
    Row& row = row_of(board_, told);
    for (unsigned level = 0; level < levels; ++level) {
      row.store_states[level] += engines_.stores.states[level];
      row.step_states[level] += engines_.steps.states[level];
    }
    row.visited += engines_.stores.visited;
    row.instructions += engines_.steps.instructions;
    row.killed += engines_.steps.killed;
    row.killed_stepping += engines_.steps.killed_stepping;
    row.agreed += engines_.steps.agreed;
    row.unreported += engines_.steps.unreported;
    row.unseen += engines_.steps.unseen;
    row.span_reads += engines_.spans.reads;
    row.waits += engines_.stores.waits;
    row.parked += engines_.stores.parked;
    row.looked += engines_.stores.looked;
    board_.lives += engines_.stores.lives;
  }

  /// First says what was found, then lays it down: that may fail. It gets time of its own.
  void lay_down(Told told, const Finding& found) {
    deadline.reset();
    const auto directory = count_failure(options_, board_, told);
    if (!directory) return;
    fmt::print(stderr, "FAILED: {}\n{}\n", found.what, found.where);
    fmt::print(stderr, "{}: {}\n", told.explored.name, model::to_text(told.explored.mutation));
    seat_.laying_down = true;
    try {
      write_finding(*directory, told, found, engines_);  // before shrinking, which may find no end
      told = shrink(engines_, std::move(told), found, shrink_attempts_max);
      const auto smaller = engines_.explore(told.engine, told.explored, told.seed);
      if (smaller && kind_of(smaller->what) == kind_of(found.what))
        write_finding(*directory, told, *smaller, engines_);
      else
        fmt::print(stderr, "explored again, it is not found: {}\n", found.what);
    } catch (const std::exception& exception) {
      fmt::print(stderr, "the case cannot be laid down, or not all of it: {}\n", exception.what());
    }
    seat_.laying_down = false;
  }

  const Options& options_;
  Board& board_;
  Seat& seat_;
  CaseSource source_;
  std::uint64_t numbers_;  ///< of cases that are wanted
  Engines engines_;
  std::array<double, engine_kinds> spent_{};
};

}  // namespace

void work(const Options& options, Board& board, Seat& seat, Clock::time_point start) {
  Worker(options, board, seat, start).work();
}

Told told_of(const Options& options, EngineKind engine, std::uint64_t number, Case explored) {
  return {.options = options,
          .engine = engine,
          .seed = seed_of(options.seed, engine, number),
          .explored = std::move(explored)};
}

std::optional<std::string> count_failure(const Options& options, Board& board, const Told& told) {
  ++row_of(board, told).failures[static_cast<std::size_t>(told.engine)];
  const std::uint32_t place = board.cases_written++;
  if (place + 1 >= options.failures) board.stop = true;
  if (place >= options.failures) return std::nullopt;
  return fmt::format("{}/{}", options.case_directory, place);
}

}  // namespace radish::crashpoints
