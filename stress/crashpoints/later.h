// What is done to a structure when it has been recovered, to see that it lives on.
#pragma once

#include <vector>

#include "crashpoints/truth.h"

namespace radish::crashpoints {

/// Two hundred mutations of those kinds that a subject has, the same for the same case: half of them of the
/// case's own keys, half of short ones that are one another's prefixes. Fewer if the heap is full: each that
/// is refused looks for room first.
[[nodiscard]] std::vector<Operation> later_operations(const Case& explored, std::uint32_t acts);

}  // namespace radish::crashpoints
