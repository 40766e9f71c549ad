// The keys of a torture, of real input: words, file paths with their directories, prefixes of IPv4 networks;
// and those that are made for one check each. Sorted; a key's id is its place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "torture/versions.h"

namespace radish::stress::torture {

enum class Sort : std::uint32_t {
  plain,  ///< changed by itself
  first,  ///< of a pair: always changed before its partner
  second,
  grouped,  ///< also erased with all keys of its group, by their common prefix
  shared,   ///< counted up by every writer, each step by one; never erased
};

inline constexpr KeyId no_key = UINT32_MAX;
inline constexpr std::uint32_t nobodys_range = UINT32_MAX;
inline constexpr std::uint32_t shared_keys = 4;

struct KeyRecord {
  std::uint64_t offset;  ///< of its bytes
  std::uint32_t bytes;
  std::uint32_t range;   ///< who changes it
  std::uint32_t period;  ///< see is_present
  Sort sort;
  KeyId parent;         ///< the longest other key that is a prefix of it
  KeyId partner;        ///< of a pair
  std::uint32_t group;  ///< number of the group within its range, or of the shared key
  std::uint32_t reserved;
};

struct Key {
  std::string bytes;
  std::uint32_t range = 0;
  std::uint32_t period = 0;
  Sort sort = Sort::plain;
  KeyId parent = no_key;
  KeyId partner = no_key;
  std::uint32_t group = 0;
};

using KeySet = std::vector<Key>;

inline constexpr std::uint32_t groups_per_range = 6;
[[nodiscard]] std::string group_prefix(std::uint32_t range, std::uint32_t group);

/// About `keys_per_range` keys for each of `ranges`. Throws std::runtime_error if the machine has no input.
[[nodiscard]] KeySet make_key_set(std::uint64_t seed, std::uint32_t ranges, std::uint32_t keys_per_range);

}  // namespace radish::stress::torture
