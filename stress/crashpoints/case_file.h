// A finding of the explorer as a directory that tells of it, and the way back.
#pragma once

#include <string_view>

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

/// The invariant that is broken, or what is said up to the first figure: whether two findings are of one
/// kind.
[[nodiscard]] std::string_view kind_of(std::string_view what);

/// The smallest case in which the same kind of thing is found, or the case itself. Spends so many
/// explorations at most, and no more time than a case gets: where no end is found, each attempt takes all
/// that it may.
[[nodiscard]] Told shrink(Engines& engines, Told told, const Finding& found, std::size_t attempts_max);

/// Writes everything that is known: the case, both maps and how they differ, what was found in which state,
/// on which build, behind which line; images of the empty structure, of the base and of the state.
void write_finding(const std::string& directory, const Told& told, const Finding& finding,
                   const Engines& engines);

/// Of the subject that is walked through or recorded.
[[nodiscard]] std::string describe_build(const Plugin& plugin);
/// What, where, in which case, behind which line.
[[nodiscard]] std::string what_text(const Told& told, const Finding& finding, const Engines& engines);

[[nodiscard]] Told read_told(const stress::Case& stored);
/// What was found, as far as it was stored, and its state.
[[nodiscard]] Finding read_finding(const stress::Case& stored, const std::string& directory);
/// One of the images that were laid down; empty if it is not there.
[[nodiscard]] Image read_image(const std::string& directory, const std::string& name);

}  // namespace radish::crashpoints
