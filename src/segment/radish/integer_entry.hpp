// What an integer map holds for a key.
#pragma once

#include <cstdint>

namespace radish {

struct IntegerEntry {
  std::uint64_t key;
  std::uint64_t value;

  bool operator==(const IntegerEntry&) const = default;
};

}  // namespace radish
