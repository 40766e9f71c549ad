// The first inputs of fuzz_image: every specimen as it is, every lie told to the specimens that have a place
// for it, raw files that begin as segments do.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace radish::image {

/// By the names of their files.
[[nodiscard]] std::map<std::string, std::vector<std::uint8_t>> first_inputs();

}  // namespace radish::image
