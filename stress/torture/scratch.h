// Where a torture keeps its segments: directories of its own, on a disk and in memory, gone when it ends.
#pragma once

#include <string>

#include "torture/options.h"
#include "torture/plan.h"

namespace radish::stress::torture {

class Scratch {
 public:
  /// Throws std::runtime_error where none can be made.
  explicit Scratch(const Options& options);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  [[nodiscard]] std::string path(Storage storage) const;

 private:
  void make();
  void remove() const;

  const Options& options_;
  std::string disk_;
  std::string memory_;
};

}  // namespace radish::stress::torture
