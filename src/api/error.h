// From a Fault inside the library to a sentence for its user.
#pragma once

#include <string>

#include "radish/tree.hpp"
#include "segment/fault.h"
#include "txn/answer.h"

namespace radish::detail {

/// The sentence names the path, what is wrong, and what the fault speaks of: a pid, an errno, a limit.
[[nodiscard]] Error to_error(const Fault& fault, const std::string& path);

/// An Expected as a Result.
template <class T>
[[nodiscard]] Result<T> to_result(Expected<T> expected, const std::string& path) {
  if (!expected) return std::unexpected(to_error(expected.error(), path));
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*expected);
}

/// An Answer as a Result.
template <class T>
[[nodiscard, gnu::always_inline]] inline Result<std::optional<T>> to_result(const txn::Answer<T>& answer,
                                                                            const std::string& path) {
  if (answer.wrong != nullptr) [[unlikely]]
    return std::unexpected(to_error(corrupt(answer.wrong, answer.offset).error(), path));
  if (!answer.found) return std::nullopt;
  return answer.value;
}

}  // namespace radish::detail
