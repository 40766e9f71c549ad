#include "key_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <system_error>
#include <unordered_set>

namespace radish::bench {
namespace {

constexpr std::size_t made_keys = 1'000'000;
constexpr std::size_t paths_max = 1'000'000;
constexpr std::size_t key_bytes_max = 511;
constexpr std::uint64_t seed = 20'220'827;
constexpr const char* word_list = "/usr/share/dict/american-english-insane";
constexpr const char* address_ranges = "/usr/share/tor/geoip";
std::size_t keys_max = SIZE_MAX;

std::string big_endian(std::uint64_t number) {
  const auto bytes = std::bit_cast<std::array<char, 8>>(number);
  return {bytes.rbegin(), bytes.rend()};
}

std::vector<std::string> random_keys(std::mt19937_64& random) {
  std::unordered_set<std::string> keys;
  while (keys.size() < made_keys) keys.insert(big_endian(random()));
  return {keys.begin(), keys.end()};
}

std::vector<std::string> sequential_keys() {
  std::vector<std::string> keys;
  for (std::uint64_t number = 0; number < made_keys; ++number) keys.push_back(big_endian(number));
  return keys;
}

std::vector<std::string> words() {
  std::ifstream file(word_list);
  std::vector<std::string> keys;
  for (std::string line; std::getline(file, line);) keys.push_back(line);
  return keys;
}

std::vector<std::string> paths() {
  namespace fs = std::filesystem;
  std::vector<std::string> keys;
  std::error_code ignored;
  constexpr auto options = fs::directory_options::skip_permission_denied;
  for (const char* top : {"/usr", "/var", "/etc", "/opt", "/home", "/root"}) {
    auto walk = fs::recursive_directory_iterator(top, options, ignored);
    for (; walk != fs::end(walk) && keys.size() < paths_max; walk.increment(ignored)) {
      if (walk->is_regular_file(ignored)) keys.push_back(walk->path().string());
    }
  }
  return keys;
}

/// The prefixes of whole bytes that make up the addresses from `first` to `last`.
void split_range(std::uint64_t first, std::uint64_t last, std::vector<std::string>& prefixes) {
  while (first <= last) {
    unsigned bytes = 4;
    std::uint64_t addresses = 1;
    for (; bytes > 1 && first % (addresses << 8) == 0 && first + (addresses << 8) - 1 <= last; --bytes)
      addresses <<= 8;
    if (bytes < 4) prefixes.push_back(big_endian(first).substr(4, bytes));  // as in tables of routes
    first += addresses;
  }
}

std::vector<std::string> address_prefixes() {
  std::ifstream file(address_ranges);
  std::vector<std::string> prefixes;
  for (std::string line; std::getline(file, line);) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (std::sscanf(line.c_str(), "%" SCNu64 ",%" SCNu64, &first, &last) == 2)
      split_range(first, last, prefixes);
  }
  return prefixes;
}

/// An address for each prefix; no prefix is another's.
std::vector<Lookup> addresses_of(const std::vector<std::string>& prefixes, std::mt19937_64& random) {
  std::vector<Lookup> addresses;
  for (std::size_t index = 0; index < prefixes.size(); ++index) {
    std::string address = prefixes[index];
    while (address.size() < 4) address.push_back(static_cast<char>(random()));
    addresses.push_back({std::move(address), index});
  }
  std::ranges::shuffle(addresses, random);
  return addresses;
}

std::vector<std::string> near_misses(const std::vector<std::string>& keys, std::mt19937_64& random) {
  const std::unordered_set<std::string> present(keys.begin(), keys.end());
  std::vector<std::string> absent;
  for (std::string key : keys) {
    do {
      key[random() % key.size()] = static_cast<char>(1 + random() % 255);  // text stays text
    } while (present.contains(key));
    absent.push_back(key);
  }
  std::ranges::shuffle(absent, random);
  return absent;
}

std::vector<Lookup> lookups_of(const std::vector<std::string>& keys, std::mt19937_64& random) {
  std::vector<Lookup> lookups;
  for (std::size_t index = 0; index < keys.size(); ++index) lookups.push_back({keys[index], index});
  std::ranges::shuffle(lookups, random);
  return lookups;
}

std::vector<std::string> source_of(std::string_view name, std::mt19937_64& random) {
  if (name == "rand8") return random_keys(random);
  if (name == "seq8") return sequential_keys();
  if (name == "words") return words();
  if (name == "ipv4") return address_prefixes();
  if (name == "paths") return paths();
  fmt::print(stderr, "there is no key set {}\n", name);
  std::exit(2);
}

std::vector<std::string> keys_of(std::string_view name, std::mt19937_64& random) {
  auto keys = source_of(name, random);
  std::erase_if(keys, [](const std::string& key) { return key.empty() || key.size() > key_bytes_max; });
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  if (keys.empty()) {
    fmt::print(stderr, "no keys for {}; ci/setup installs what they are made of\n", name);
    std::exit(3);
  }
  if (name != "seq8") std::ranges::shuffle(keys, random);
  keys.resize(std::min(keys.size(), keys_max));
  return keys;
}

KeySet make(std::string_view name) {
  std::mt19937_64 random(seed);
  auto keys = keys_of(name, random);
  if (name == "ipv4") {
    auto addresses = addresses_of(keys, random);
    return {std::string(name), std::move(keys), std::move(addresses), {}};
  }
  auto lookups = lookups_of(keys, random);
  auto absent = near_misses(keys, random);
  return {std::string(name), std::move(keys), std::move(lookups), std::move(absent)};
}

}  // namespace

const KeySet& key_set(std::string_view name) {
  static std::map<std::string, KeySet, std::less<>> sets;
  const auto found = sets.find(name);
  return found != sets.end() ? found->second : sets.emplace(name, make(name)).first->second;
}

std::vector<std::string> keys_of(std::string_view name) {
  std::mt19937_64 random(seed);
  return keys_of(name, random);
}

void limit_keys(std::size_t at_most) { keys_max = at_most; }

}  // namespace radish::bench
