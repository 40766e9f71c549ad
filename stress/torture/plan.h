// Everything that is drawn: what a round is like, what shape a process has and how it ends, when and whom the
// killer strikes. All of it follows from the seed; what processes make of it, and when, does not, and so
// neither does how many rounds, lives and spells there are.
#pragma once

#include <cstdint>
#include <string>

#include "model/generator.h"
#include "torture/ledger.h"
#include "torture/options.h"

namespace radish::stress::torture {

using model::Random;

/// An independent sequence for each use.
[[nodiscard]] Random random_for(std::uint64_t seed, std::string_view use, std::uint64_t a = 0,
                                std::uint64_t b = 0, std::uint64_t c = 0);

/// What the killer does only in some of the seconds: drawn anew for each second of the torture.
[[nodiscard]] bool in_spell(const Setting& setting, std::string_view use, std::uint64_t per_mille);

enum class RoundEnd {
  stopped,           ///< all processes stop cleanly, then comparison
  massacred_beside,  ///< all are killed, the coordinator's attachment lives on
  massacred_alone,   ///< all are killed and nobody is attached
};

struct RoundPlan {
  std::uint64_t number;
  Storage storage;
  bool small;              ///< a segment that gets full
  bool fresh;              ///< begins with a segment of its own
  bool coordinator_stays;  ///< attached throughout, so that processes can inherit the tree
  bool raced_for;          ///< created by the processes themselves
  RoundEnd end;
  bool cleared;  ///< after the comparison, which is then made again
};
[[nodiscard]] RoundPlan plan_round(const Options& options, std::uint64_t number);

enum class Role : std::uint32_t { writer, reader, viewer, iterator };
[[nodiscard]] Role role_of(const Setting& setting, std::uint32_t seat);
[[nodiscard]] std::string_view role_name(Role role);

/// How a process ends if nobody kills it.
enum class Finish {
  none,           ///< only when the round ends
  leaves,         ///< closes its tree and exits
  hands_over,     ///< forks, and is gone at once; the child goes on
  execs,          ///< runs the command anew
  execs_in_view,  ///< the same with a stable view held
  main_ends       ///< its second thread, if it has one, goes on without it
};

struct Shape {
  bool inherits;       ///< uses the coordinator's tree, if there is one
  bool second_thread;  ///< a thread works on strand 1
  bool child_beside;   ///< a forked child works on strand 2
  bool raw_fork;       ///< forks with _Fork
  Finish finish;
  std::uint64_t finish_steps;
  std::uint64_t lock_timeout_ms;
};
/// `life`: how often the seat's process was begun anew in this round, by fork or exec.
[[nodiscard]] Shape plan_shape(const Setting& setting, const Round& round, std::uint32_t seat,
                               std::uint64_t life);

}  // namespace radish::stress::torture
