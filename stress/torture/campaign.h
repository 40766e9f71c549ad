// A whole torture: rounds until the time is over or something is wrong; a warden that sees to it that it
// ends.
#pragma once

#include "torture/options.h"

namespace radish::stress::torture {

/// Exit code: 0, or 1 after a failure.
[[nodiscard]] int run_torture(Options options);

}  // namespace radish::stress::torture
