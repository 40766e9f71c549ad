#pragma once

#include <string>

namespace radish::bench {

/// What a lookup's own pin costs it, among all keys of a set.
void add_pin_cost(const std::string& set);

}  // namespace radish::bench
