// Bounds on what the processes of an exploration may take: nobody waits for one of them without end.
//
// Invariants
//   B1  A process that is forked here ends with the one that forked it.
//   B2  It is killed when it has spent more processor time than anything takes. That is a finding.
//   B3  Who sleeps instead is killed by the campaign, which gives a case so much time by the clock.
#pragma once

#include <sys/types.h>

#include <expected>
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
/// interrupts us.
[[nodiscard]] std::expected<int, std::string> await_bounded(pid_t child);

/// What is said of a process that a signal has ended.
[[nodiscard]] std::string died_of(int signal);
/// The same of one that had slept too long.
[[nodiscard]] std::string overslept();

/// A process in which the subject did something was ended by a signal: of itself, or because it found no end.
struct SubjectDied : std::runtime_error {
  explicit SubjectDied(int signal) : std::runtime_error("the subject " + died_of(signal)) {}
};

}  // namespace radish::crashpoints
