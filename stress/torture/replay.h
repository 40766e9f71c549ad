// Looking again for what a case of the torture tells of: at what was laid down, then by the same seed.
#pragma once

#include <string>

#include "case.h"

namespace radish::stress::torture {

/// Exit code: 1 if something was found again, else that of the torture.
[[nodiscard]] int replay(const Case& found, const std::string& directory);

}  // namespace radish::stress::torture
