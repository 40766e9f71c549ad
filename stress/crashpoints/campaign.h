// A campaign of the explorer: processes that take cases one after another, a live line, a table.
#pragma once

#include "crashpoints/options.h"

namespace radish::crashpoints {

/// Exit code.
[[nodiscard]] int run_campaign(Options options);

}  // namespace radish::crashpoints
