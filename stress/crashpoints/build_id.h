// Which build a file is of.
#pragma once

#include <string>

namespace radish::crashpoints {

/// In hexadecimal, as the linker noted it in an ELF file; empty if there is none.
[[nodiscard]] std::string build_id_of(const std::string& path);

}  // namespace radish::crashpoints
