// Random-looking keys that are computed, not stored.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace radish::bench {

/// The nth key: a permutation of the numbers that looks random (the finalizer of SplitMix64).
class Key {
 public:
  explicit Key(std::uint64_t number) {
    number += 0x9e3779b97f4a7c15;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    bytes_ = std::bit_cast<std::array<char, 8>>(number ^ number >> 31);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, 8> bytes_;
};

}  // namespace radish::bench
