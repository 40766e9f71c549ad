// For `radish-check replay`: looking again for what a case of the explorer tells of. Exit code 1 if something
// is found.
#pragma once

#include <string>

#include "case.h"

namespace radish::crashpoints {

/// Explores the case again.
[[nodiscard]] int replay(const stress::Case& stored, const std::string& directory);
/// Judges the state that was laid down, in the calling process and without others.
[[nodiscard]] int replay_state(const stress::Case& stored, const std::string& directory);

}  // namespace radish::crashpoints
