// Failures as values, inside the library: trivially copyable, no allocation. The API turns a Fault into a
// radish::Error with a whole sentence.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <expected>

#include "radish/code.hpp"

namespace radish {

/// `what` is a string literal; `subject` is what it speaks of: an offset, a pid or an errno, as the code
/// says.
struct Fault {
  Code code;
  const char* what;
  std::uint64_t subject = 0;
};

template <class T>
using Expected = std::expected<T, Fault>;

[[nodiscard]] inline std::unexpected<Fault> fault(Code code, const char* what, std::uint64_t subject = 0) {
  return std::unexpected(Fault{code, what, subject});
}

[[nodiscard]] inline std::unexpected<Fault> corrupt(const char* what, std::uint64_t subject = 0) {
  return fault(Code::corrupt, what, subject);
}

/// Our own broken invariants end the process at once, in release builds too. Never for segment bytes.
inline void require(bool holds, const char* invariant) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "radish: broken invariant: %s\n", invariant);
  std::abort();
}

}  // namespace radish

/// Hands a failure on to the caller.
#define RADISH_TRY(expression)                                            \
  do {                                                                    \
    if (auto&& radish_status = (expression); !radish_status) [[unlikely]] \
      return std::unexpected(radish_status.error());                      \
  } while (false)
