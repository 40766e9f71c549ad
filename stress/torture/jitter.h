// Only in the build against the checking seam: a thread now and then gives the processor away, or dies,
// before an event of the library: at moments that a killer outside hardly ever meets.
#pragma once

#include <functional>

#include "model/generator.h"

namespace radish::stress::torture {

class Jitter {
 public:
  /// Of the calling thread, until it goes out of scope. `before_death` is told of each death.
  Jitter(model::Random random, std::function<void()> before_death);
  Jitter(const Jitter&) = delete;
  Jitter& operator=(const Jitter&) = delete;
  ~Jitter();
};

}  // namespace radish::stress::torture
