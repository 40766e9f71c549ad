// Something is wrong with radish, found where nobody can go on; any other exception is trouble of the
// harness.
#pragma once

#include <stdexcept>

namespace radish::stress::torture {

class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace radish::stress::torture
