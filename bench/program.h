// What the programs that measure a store each share: their arguments.
#pragma once

#include <functional>
#include <string>

namespace radish::bench {

/// `add_set(set)` registers what is to be measured on a set. Exit code: 0; 1 if an answer was wrong; of wrong
/// usage, CLI11's.
int run(int count, char** words, const std::function<void(const std::string& set)>& add_set);

}  // namespace radish::bench
