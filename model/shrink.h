// Makes a failing sequence small enough to be read.
#pragma once

#include <functional>

#include "model/operation.h"

namespace radish::model {

using FailingPredicate = std::function<bool(const Sequence&)>;

/// A sequence that still fails, with fewer operations, shorter keys and plainer values. Greedy: tries every
/// reduction again until none helps, or `attempts_max` runs are spent. `sequence` itself must fail.
[[nodiscard]] Sequence shrink(Sequence sequence, const FailingPredicate& failing,
                              std::size_t attempts_max = 4000);

}  // namespace radish::model
