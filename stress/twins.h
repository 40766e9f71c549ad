// The broken variants of the library, by the names that the seam gives them. Only the build against the
// checking seam has any.
#pragma once

#include <string>
#include <vector>

namespace radish::stress {

[[nodiscard]] bool twins_exist();
[[nodiscard]] std::vector<std::string> twin_names();
/// Number of the twin of that name; 0 for the empty name. Throws std::runtime_error if there is none.
[[nodiscard]] int twin_number(const std::string& name);
/// Makes the library of this process, and of those that it forks, the twin.
void become_twin(int number);

}  // namespace radish::stress
