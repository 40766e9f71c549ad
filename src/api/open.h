// What floor 0 opens becomes a handle: settled and checked before anybody uses it.
#pragma once

#include <functional>
#include <memory>

#include "api/handle.h"

namespace radish::detail {

/// `open` is given what the options ask for.
using Open = std::function<Expected<segment::Opening>(const segment::OpenRequest&)>;
[[nodiscard]] Expected<std::shared_ptr<Handle>> open_handle(const OpenOptions& options, const Open& open);

}  // namespace radish::detail
