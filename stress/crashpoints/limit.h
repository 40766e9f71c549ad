// Bounds on what the processes of an exploration may take: nobody waits for one of them without end.
//
// Invariants
//   B1  A process that is forked here ends with the one that forked it.
//   B2  It is killed when it has spent more processor time than anything takes. That is a finding.
//   B3  Who sleeps instead is killed by the campaign, which gives a case so much time by the clock.
//   B4  Nobody here sends SIGKILL but by these bounds, and to whom he then buries himself. Whoever is
//       ended by it otherwise was killed by a stranger, for want of memory say: the run is disturbed,
//       nothing is found.
//   B5  An exploration is cut off between two states when the campaign's time is over.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <expected>
#include <optional>
#include <stdexcept>
#include <string>

namespace radish::crashpoints {

/// Far more than anything takes that comes to an end.
struct Limits {
  unsigned processor_seconds = 120;  ///< of one process
  unsigned case_seconds = 600;  ///< by the clock, for one exploration of a case; and to make a case smaller
};
inline Limits limits;

/// Of the calling process alone, not of those that it forks, as long as this is there.
class ProcessorTimeLimit {
 public:
  ProcessorTimeLimit();
  ProcessorTimeLimit(const ProcessorTimeLimit&) = delete;
  ProcessorTimeLimit& operator=(const ProcessorTimeLimit&) = delete;
  ~ProcessorTimeLimit();
};

/// As fork, for a child that is waited for (B1, B2). Throws std::runtime_error if there is none to be had.
[[nodiscard]] pid_t fork_bounded();

/// The child's exit code, or what is said of its death. It gets limits.case_seconds (B3), or until somebody
/// interrupts us. Throws Disturbed.
[[nodiscard]] std::expected<int, std::string> await_bounded(pid_t child);

/// What is said of a process that a signal has ended.
[[nodiscard]] std::string died_of(int signal);
/// The same of one that had slept too long.
[[nodiscard]] std::string overslept();

/// A process in which the subject did something was ended by a signal: of itself, or because it found no end.
struct SubjectDied : std::runtime_error {
  explicit SubjectDied(int signal) : std::runtime_error("the subject " + died_of(signal)) {}
};
/// B4
struct Disturbed : std::runtime_error {
  Disturbed() : std::runtime_error("disturbed: a stranger has killed a process that explored") {}
};
/// Throws Disturbed if it is SIGKILL.
void require_own_death(int signal);
/// Throws one of the two.
[[noreturn]] void throw_death(int signal);

/// B5: the exploration ends here.
struct CutOff : std::runtime_error {
  CutOff() : std::runtime_error("the time is over") {}
};
/// Until when the calling process explores, and those that it forks; none: without end.
inline std::optional<std::chrono::steady_clock::time_point> deadline;
[[nodiscard]] bool time_is_over();
/// Throws CutOff once the time is over.
void heed_deadline();

}  // namespace radish::crashpoints
