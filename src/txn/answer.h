// What a question about one key is answered with, until the API says it.
//
// An Expected of an optional lies in memory: it is stored piece by piece and copied whole. The processor
// cannot copy before all pieces are there, so it would wait for the value, and could not begin with what the
// caller does next. The members of an Answer stay in registers (docs/performance.md).
#pragma once

#include <cstdint>

namespace radish::txn {

template <class T>
struct Answer {
  bool found = false;
  T value{};                    ///< if it was found
  const char* wrong = nullptr;  ///< what is broken, at `offset`; null: nothing
  std::uint64_t offset = 0;
};

}  // namespace radish::txn
