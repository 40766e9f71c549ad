// The public interface in tests: values or exceptions, refusals by their code and by what they name.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "attachments.h"
#include "radish/tree.hpp"

namespace radish::tests {

/// The value, or an exception that fails the test with the error's sentence.
template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
Code refusal(const Result<T>& result) {
  return result ? no_fault : result.error().code;
}

/// Refused with this code, by a sentence that says `part`.
template <class T>
testing::AssertionResult is_refused(const Result<T>& result, Code code, std::string_view part = {}) {
  if (result) return testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  if (error.code != code)
    return testing::AssertionFailure() << "code " << static_cast<int>(error.code) << ": " << error.message;
  if (error.message.find(part) == std::string::npos)
    return testing::AssertionFailure() << "no \"" << part << "\" in: " << error.message;
  return testing::AssertionSuccess();
}

/// It went well, or the error's sentence.
template <class T>
testing::AssertionResult is_done(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

/// The number behind "process" in an error's sentence; 0 if it names none.
inline pid_t named_process(const Error& error) {
  constexpr std::string_view word = "process ";
  const std::size_t place = error.message.rfind(word);
  return place == std::string::npos
             ? 0
             : static_cast<pid_t>(std::strtol(error.message.c_str() + place + word.size(), nullptr, 10));
}

/// One more attachment to a tree's segment, for what the public interface does not show.
inline Party attach(const Tree& tree) {
  segment::OpenRequest request;
  request.identity = take(sync::own_identity());
  request.origin = take(sync::own_origin());
  auto opening = take(segment::open_descriptor(tree.descriptor(), request));
  return {std::make_shared<sync::Attachment>(take(std::move(opening).finish()), 0)};
}

/// Inserts "<prefix>0", "<prefix>1", ... until that is refused; `keys` counts what is there.
inline Error fill(Tree& tree, std::uint64_t& keys, const std::string& prefix = "key ") {
  for (;; ++keys)
    if (const auto inserted = tree.insert(prefix + std::to_string(keys), keys); !inserted)
      return inserted.error();
}

}  // namespace radish::tests
