// The warden: it starts the coordinator as a process of its own, so that it can hang or crash and be told of,
// and sees to it that nobody is left in the end.
#pragma once

#include <functional>

#include "torture/ledger.h"
#include "torture/options.h"

namespace radish::stress::torture {

/// Runs `coordinate` in a child, to its end; reports in the ledger how it ended if not well. Afterwards no
/// process of the torture is left.
void guard(const Options& options, const Ledger& ledger, const std::function<void()>& coordinate);

}  // namespace radish::stress::torture
