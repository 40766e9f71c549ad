// The states that a death in the middle of a list of stores can leave.
//
// Invariants
//   D1  A store is done before another in every execution if it comes first in the program and one of these
//       holds: the later one is a release; either is a read-modify-write; a barrier stands between them; they
//       touch the same byte. All other orders are open to a compiler, and to a processor as others see it.
//   D2  A death leaves a set of stores done that is closed under D1: whatever must come before a store
//       that is done is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "crashpoints/store_log.h"
#include "model/generator.h"

namespace radish::crashpoints {

/// Stores that were done: all of the first `prefix`, and these further ones, ascending.
struct Death {
  std::size_t prefix = 0;
  std::vector<std::size_t> beyond{};
};

/// So many orders of free stores are all tried; of more, some.
inline constexpr std::size_t open_stores_max = 6;

/// Every prefix of the program's order, each once; then the other sets of D2: all of them where few stores
/// are open, elsewhere each store alone missing, each alone done, and `samples` at random.
void each_death(std::span<const Store> stores, model::Random& random, std::size_t samples,
                const std::function<void(const Death&)>& visit);

}  // namespace radish::crashpoints
