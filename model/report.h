// How a failure is handed over: the sequence as a text file, and the one command that replays it.
#pragma once

#include <string>

#include "model/operation.h"
#include "model/run.h"

namespace radish::model {

/// Writes the sequence to `path`, with the failure as a comment, and says so in lines for a log.
[[nodiscard]] std::string write_report(const Sequence& sequence, const Failure& failure,
                                       const std::string& path);

/// The whole of a text file, or nullopt.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

}  // namespace radish::model
