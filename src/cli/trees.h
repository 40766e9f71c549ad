// Opening the FILE of a command line, and the root in it that is meant.
#pragma once

#include "keyed_root.h"
#include "radish/segment.hpp"
#include "registry.h"

namespace radish::cli {

/// For reading: file and tree must exist; a frozen file is opened read-only.
[[nodiscard]] Tree open_for_reading(const FileArguments& arguments);
/// For changing what must exist.
[[nodiscard]] Tree open_for_writing(const FileArguments& arguments);
/// For adding to it: a missing file is created, and a missing tree in it.
[[nodiscard]] Tree open_or_create(const FileArguments& arguments, const OpenOptions& options = {});

/// The same for a root of either kind; one that is made is a tree. `hex`: keys are given so, which those of
/// an integer map cannot be.
[[nodiscard]] KeyedRoot open_root_for_reading(const FileArguments& arguments, bool hex = false);
[[nodiscard]] KeyedRoot open_root_for_writing(const FileArguments& arguments, bool hex = false);
[[nodiscard]] KeyedRoot open_or_create_root(const FileArguments& arguments, bool hex = false,
                                            const OpenOptions& options = {});

/// The same for a file as a whole.
[[nodiscard]] Segment open_segment_for_reading(const std::string& file);

}  // namespace radish::cli
