// What the processes of a campaign tell each other of.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "crashpoints/engines.h"

namespace radish::crashpoints {

/// One line of the final table: what was explored of one kind of mutation.
struct Row {
  std::atomic<std::uint64_t> cases;
  std::array<std::atomic<std::uint64_t>, levels> store_states;
  std::array<std::atomic<std::uint64_t>, levels> step_states;
  std::atomic<std::uint64_t> visited;
  std::atomic<std::uint64_t> instructions;
  std::atomic<std::uint64_t> killed;
  std::atomic<std::uint64_t> span_reads;
  std::atomic<std::uint64_t> failures;
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
  std::atomic<std::uint64_t> next;  ///< number of a case that nobody has taken
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> lives;
  std::atomic<std::uint32_t> cases_written;
  std::array<Row, act_count> rows;
  std::array<Seat, jobs_max> seats;

  [[nodiscard]] std::uint64_t store_states() const;
  [[nodiscard]] std::uint64_t step_states() const;
  [[nodiscard]] std::uint64_t span_reads() const;
  [[nodiscard]] std::uint64_t failures() const;
};

/// Memory for one, shared with the processes that are forked.
[[nodiscard]] Board& make_board();

}  // namespace radish::crashpoints
