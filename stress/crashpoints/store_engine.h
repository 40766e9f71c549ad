// Deaths at every store: a process of its own performs an operation on an instrumented subject, which reports
// each store; the explorer puts together every state that a death can leave, and has it judged by the subject
// as it ships. Then the recoveries from these states are explored in the same way, and on a sample of their
// deaths those from them.
//
// Invariants
//   E1  The process whose stores make up a state has ended when the state is judged: its identity is that of
//       the dead.
//   E2  All stores of a log, done on the image that it began with, make the image that the process left: no
//       store is missing.
//   E3  A state is judged once, however it comes about. States that differ only in who is named are one.
//   E4  Recovery is explored once from all states that have one digest (subject.h).
#pragma once

#include <functional>
#include <string>

#include "crashpoints/deaths.h"
#include "crashpoints/likeness.h"
#include "crashpoints/recording.h"

namespace radish::crashpoints {

inline constexpr unsigned levels = 3;

struct Tally {
  std::uint64_t states[levels] = {};  ///< distinct ones, by how many processes have died
  std::uint64_t visited = 0;          ///< with those that were known
  std::uint64_t stores = 0;
  std::uint64_t lives = 0;
  std::uint64_t waits = 0;     ///< for a process that lives (waits.h)
  std::uint64_t parked = 0;    ///< of these, asleep when it went on or died
  std::uint64_t looked = 0;    ///< of these, ended by the waiter's own look, at somebody who had died
  std::uint64_t visits = 0;    ///< walked through: others than the mutation's writer, who die as well
  std::uint64_t damaged = 0;   ///< images that the world has changed
  std::uint64_t meetings = 0;  ///< with a process that lives and stands in what it does
};

/// Which of a case's states: that of the last death on the way to it.
struct StateIndex {
  unsigned level = 0;         ///< processes that had died before
  Death stores{};             ///< that were done, of the store engine
  std::uint64_t moment = 0;   ///< changes that were made, of the step engine, 1 for the first
  std::uint64_t retired = 0;  ///< instructions
};

struct Finding {
  std::string what;
  std::string where;       ///< which death of which process
  std::uint64_t code = 0;  ///< of the last store that was done
  Image state{};
  StateIndex index{};
  Shown allowed{};    ///< of what the state may be
  std::string way{};  ///< in which the state was recovered, if it was
};

/// What the oracle says of a state that a process leaves that died there.
[[nodiscard]] Finding finding_of(const Oracle::Judgement& judgement, Shown allowed, const std::string& died,
                                 const Image& state, std::uint64_t code, const StateIndex& index);

struct Depth {
  std::size_t samples = 16;     ///< of the orders of many free stores
  std::size_t third_level = 4;  ///< states of the second level whose recoveries are explored too
  std::size_t visitors = 2;     ///< dead ones whom the mutation meets, and
  std::size_t waits = 16;       ///< beside a living process, in as many cases as there are visitors in
  std::uint64_t visits_permille =
      200;  ///< of the cases, in which there are any: all their deaths are explored
};

/// What the engine works with.
struct StoreTools {
  Oracle oracle;
  Image pristine;
  Likeness likeness;
  RecordingRoom room{};
  const Plugin& instrumented;

  StoreTools(const Plugin& shipped, const Plugin& recorded);
};

class StoreEngine {
 public:
  /// `shipped` judges what `instrumented` did.
  StoreEngine(const Plugin& shipped, const Plugin& instrumented) : tools_(shipped, instrumented) {}

  /// The first thing that is wrong, if any.
  [[nodiscard]] std::optional<Finding> explore(const Case& explored, std::uint64_t seed, const Depth& depth,
                                               Tally& tally);

 private:
  StoreTools tools_;
};

}  // namespace radish::crashpoints
