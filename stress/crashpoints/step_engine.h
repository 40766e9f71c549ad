// Deaths at every machine instruction: a process performs a deed on the library as it ships under a
// debugger's single steps. Whatever the shared memory was on the way is what a death there leaves, and is
// judged; on a sample a process is killed there in earnest. Then recoveries from some of these states are
// walked through in the same way.
//
// Invariants
//   S1  Nothing of a state is left to guess: the process whose way it lay on has ended when it is judged.
//   S2  A process that is killed there in earnest leaves what it was last seen to have made. It comes there
//       at full speed: "there" is the instruction behind the change, at the time when the memory has become
//       the state. Only if it does not meet that, it is stepped through the same number of changes. (Not of
//       instructions, which differ by what the C library's allocator has found; and the C library copies
//       forwards or backwards as the addresses of stack and heap are. A state that comes of that is one more
//       state, and is judged and looked up like any.)
//   S3  The store engine knows every state: the log of an instrumented subject allows it (agreement.h).
#pragma once

#include <memory>
#include <string>

#include "crashpoints/recording.h"
#include "crashpoints/store_engine.h"
#include "crashpoints/walk.h"

namespace radish::crashpoints {

struct StepDepth {
  std::size_t kills = 8;           ///< in earnest, of each process that is walked through, and
  std::size_t small_moments = 16;  ///< of one that changes memory as often or less, at each
  std::size_t recoveries = 2;      ///< states after the mutation's death whose recovery is walked through
  std::size_t third_level = 0;     ///< states after a recovery's death, the same
  /// Of the cases, in which those who come, read and leave are walked through too: before the mutation, and
  /// after a death in it.
  std::uint64_t visits_permille = 100;
  std::size_t visits = 2;  ///< so many of them, drawn
};

struct StepTally {
  std::uint64_t processes = 0;        ///< that were walked through
  std::uint64_t instructions = 0;     ///< that they retired
  std::uint64_t changes = 0;          ///< of the shared memory
  std::uint64_t states[levels] = {};  ///< distinct ones that were judged, by how many processes have died
  std::uint64_t killed = 0;           ///< processes, in earnest
  std::uint64_t killed_stepping = 0;  ///< of these, who had to be stepped there
  std::uint64_t agreed = 0;           ///< changes that were looked up in a log
  std::uint64_t unreported = 0;       ///< of these, after a store to noise that went round the reports
  /// States of the logs' prefixes that no instruction showed: a wide store makes several words at once.
  std::uint64_t unseen = 0;
};

/// What an engine works with.
struct StepTools {
  Oracle oracle;
  Image pristine;
  Likeness likeness;
  Walker walker;
  const Plugin* instrumented;
  std::unique_ptr<RecordingRoom> room;

  StepTools(const Plugin& shipped, const Plugin* recorded, const Plugin& stepped);
};

class StepEngine {
 public:
  /// `instrumented` may be null: then nobody is asked whether he knows the states (S3). Processes use
  /// `stepped` if it is given, rather than the subject that judges.
  StepEngine(const Plugin& shipped, const Plugin* instrumented, const Plugin* stepped = nullptr);

  /// The first thing that is wrong, if any.
  [[nodiscard]] std::optional<Finding> explore(const Case& explored, std::uint64_t seed,
                                               const StepDepth& depth, StepTally& tally);

 private:
  StepTools tools_;
};

}  // namespace radish::crashpoints
