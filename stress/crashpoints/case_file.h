// A finding of the explorer as a directory that tells of it, and the way back.
#pragma once

#include "case.h"
#include "crashpoints/engines.h"

namespace radish::crashpoints {

/// What a replay needs to know.
struct Told {
  Options options;
  EngineKind engine;
  std::uint64_t seed;
  Case explored;
};

/// The smallest case that still fails, or the case itself. Spends so many explorations at most.
[[nodiscard]] Told shrink(Engines& engines, Told told, std::size_t attempts_max);

/// Writes everything that is known: the case, both maps, the images of the base and of the state, what the
/// state shows, the line of the last store.
void write_finding(const std::string& directory, const Told& told, const Finding& finding,
                   const Engines& engines);
[[nodiscard]] Told read_told(const stress::Case& stored);
/// For `radish-check replay`.
[[nodiscard]] int replay(const stress::Case& stored, const std::string& directory);

}  // namespace radish::crashpoints
