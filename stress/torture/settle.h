// What a strand left in flight when it died: either way is allowed, but one of the two, and an operation on
// many keys wholly. Everything it had acknowledged must be there.
#pragma once

#include <cstdint>
#include <string>

#include "radish/tree.hpp"
#include "torture/ledger.h"

namespace radish::stress::torture {

struct Settled {
  std::uint64_t before = 0;  ///< keys in flight that were found as they had been
  std::uint64_t after = 0;   ///< keys in flight that had been changed
  std::string violation;     ///< empty if all was as it must be
};

/// Under a stable view, so that nobody's recovery comes later: looks every key of the range up and writes
/// down what is found.
[[nodiscard]] Settled settle_range(const Ledger& ledger, std::uint32_t range, const Tree& tree);

}  // namespace radish::stress::torture
