// How the command ends, and how its parts give up. The library answers failures as values; the command has
// nothing to do with most of them but to say so and end, so here they become one exception.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "radish/tree.hpp"

namespace radish::cli {

/// Exit codes. They are part of the command's interface.
enum Exit : int {
  exit_yes = 0,    ///< done; found; there
  exit_no = 1,     ///< absent; nothing to do; not whole
  exit_usage = 2,  ///< the command line makes no sense
  exit_error = 3,  ///< it could not be done
};

/// Ends the command with a sentence on standard error.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& sentence) : std::runtime_error(sentence), status_(status) {}
  /// What the library finds out of range came from the command line.
  explicit Failure(const Error& error)
      : Failure(error.code == Code::invalid_argument ? exit_usage : exit_error, error.message) {}

  [[nodiscard]] Exit status() const { return status_; }

 private:
  Exit status_;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw Failure(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace radish::cli
