// The broken variants of the instrumented library.
#include "twins.h"

#include <stdexcept>

#include "../recorder/recorder.h"

namespace radish::crashpoints {

bool become_variant(const char* twin) {
  try {
    stress::become_twin(stress::twin_number(twin));
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace radish::crashpoints
