// Reads that span a writer: a reader is stopped at each of its loads, a writer does so many of its stores,
// and the reader goes on to its end, or meets the rest of the stores later.
//
// Invariants
//   N1  A point read answers as some state does through which the map went meanwhile; the writer's stores
//       were planned with the reader's pin in place, as they would be.
//   N2  A scan is in order, meets each key once, meets every key that was there throughout with a value that
//       it had, and none that was absent throughout.
//   N3  No key that was there throughout is passed over by a longest prefix.
//   N4  Of small cases, every pair is tried: each load of a read, each store of the mutation.
//   N5  The reader's first question of all, asked before the base is made, gives it its slot: whatever
//       is in the map, a subject announces its readers. What it answers later leaves the image as it
//       was.
#pragma once

#include "crashpoints/recording.h"
#include "crashpoints/store_engine.h"

namespace radish::crashpoints {

struct SpanTally {
  std::uint64_t reads = 0;  ///< pairs of a place in a read and a place in a mutation
  std::uint64_t loads = 0;  ///< places in reads
};

class SpanEngine {
 public:
  /// Both sides are the instrumented subject.
  SpanEngine(const Plugin& shipped, const Plugin& instrumented);

  /// Every pair of places in a read and in the mutation and what follows it, or N4 and `pairs_max` of each
  /// read drawn at random.
  [[nodiscard]] std::optional<Finding> explore(const Case& explored, std::uint64_t seed,
                                               std::size_t pairs_max, SpanTally& tally);

 private:
  Oracle oracle_;
  const Plugin& instrumented_;
  Image pristine_;
};

}  // namespace radish::crashpoints
