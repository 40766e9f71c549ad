// A whole torture: rounds until the time is over or something is wrong; then the table, and the case.
#pragma once

#include "torture/options.h"

namespace radish::stress::torture {

/// Exit code: 0, 1 after a failure, 3 if the harness failed or was interrupted.
[[nodiscard]] int run_torture(Options options);

}  // namespace radish::stress::torture
