// What the processes of a campaign tell each other of.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "crashpoints/engines.h"

namespace radish::crashpoints {

using Count = std::atomic<std::uint64_t>;

/// One line of the final table: what was explored of one kind of mutation. Like the tallies of the engines.
struct Row {
  std::array<Count, engine_kinds> cases;
  std::array<Count, engine_kinds> failures;
  std::array<Count, engine_kinds> cut;  ///< cases that the end of the time has cut off
  std::array<Count, levels> store_states;
  std::array<Count, levels> step_states;
  Count visited;
  Count instructions;
  Count killed;
  Count killed_stepping;
  Count agreed;
  Count unreported;
  Count unseen;
  Count span_reads;
  Count waits;
  Count parked;
  Count looked;

  [[nodiscard]] std::uint64_t all_cases() const;
  [[nodiscard]] std::uint64_t all_failures() const;
  [[nodiscard]] std::uint64_t all_cut() const;
  /// Distinct ones, of both engines, from one death on.
  [[nodiscard]] std::uint64_t states() const;
  /// Of these, all but those that failed.
  [[nodiscard]] std::uint64_t held() const;
  void add(const Row& other);
};

struct Seat {
  std::atomic<std::uint64_t> number;  ///< of the case that is explored
  std::atomic<EngineKind> engine;
  std::atomic<std::int64_t> begun_ns;  ///< the exploration that is under way, by the clock; 0: none
  std::atomic<bool> laying_down;       ///< a finding, which has been told: smaller cases are explored
};

inline constexpr unsigned jobs_max = 64;

/// In memory that the processes share; zero at first.
struct Board {
  std::array<Count, engine_kinds> next;  ///< number of a case that nobody has taken to the engine
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> lives;
  std::atomic<std::uint32_t> cases_written;
  std::array<Row, act_count> rows;
  std::array<Seat, jobs_max> seats;

  /// Adds up all rows.
  void sum_up(Row& sum) const;
};

/// Memory for one, shared with the processes that are forked.
[[nodiscard]] Board& make_board();

}  // namespace radish::crashpoints
