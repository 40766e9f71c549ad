// Pages that nobody may touch: on both sides of each mapping of a segment, and where one shuts them.
#pragma once

#include <cstdint>

namespace radish::image {

/// While it lives, a step beyond the offset in a segment that is mapped now ends the process, as one beyond
/// the mapping does.
class Shut {
 public:
  explicit Shut(std::uint64_t offset);
  Shut(const Shut&) = delete;
  Shut& operator=(const Shut&) = delete;
  ~Shut();

 private:
  std::uint64_t offset_;
};

}  // namespace radish::image
