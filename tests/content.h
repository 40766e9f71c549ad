// Whole contents of trees in tests.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "radish/tree.hpp"

namespace radish::tests {

using Content = std::map<std::string, std::uint64_t>;

inline Result<void> load(Tree& tree, const Content& content) {
  std::vector<std::string_view> keys;
  std::vector<std::uint64_t> values;
  for (const auto& [key, value] : content) {
    keys.push_back(key);
    values.push_back(value);
  }
  return tree.replace_all(keys, values);
}

}  // namespace radish::tests
