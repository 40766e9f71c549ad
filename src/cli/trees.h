// Opening the FILE of a command line.
#pragma once

#include <string>

#include "radish/tree.hpp"

namespace radish::cli {

/// For reading: the file must exist; a frozen one is opened read-only.
[[nodiscard]] Tree open_for_reading(const std::string& file);
/// For changing what must exist.
[[nodiscard]] Tree open_for_writing(const std::string& file);
/// For adding to it: a missing file is created.
[[nodiscard]] Tree open_or_create(const std::string& file, const OpenOptions& options = {});

}  // namespace radish::cli
