// The keys that the benchmarks run on. Made from one fixed seed, so every run sees the same keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace radish::bench {

struct Lookup {
  std::string key;
  std::uint64_t value;
};

struct KeySet {
  std::string name;
  std::vector<std::string> keys;  ///< distinct, in the order of insertion; the value of keys[i] is i
  std::vector<Lookup>
      lookups;  ///< the same in another random order; ipv4: addresses, with their prefix's value
  std::vector<std::string> absent;  ///< as many near misses: one byte differs from a key; ipv4: none
};

/// rand8: 1 M random 8-byte keys; seq8: 1 M big-endian counters, inserted upwards; words: the machine's word
/// list; paths: its files; ipv4: the address ranges of tor-geoipdb as prefixes of one to three bytes; these
/// three inserted in random order. Made when first asked for. Keys are at most 511 bytes long, which is
/// LMDB's limit.
const KeySet& key_set(std::string_view name);
/// Its keys alone.
std::vector<std::string> keys_of(std::string_view name);
/// Of sets that are made from now on, no more than so many keys: for trying a benchmark out.
void limit_keys(std::size_t keys_max);

}  // namespace radish::bench
