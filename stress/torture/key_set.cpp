#include "torture/key_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>

#include "model/generator.h"

namespace radish::stress::torture {
namespace {

using model::Random;
using Sample = std::vector<std::string>;

constexpr const char* word_list = "/usr/share/dict/american-english-insane";
constexpr const char* network_list = "/usr/share/tor/geoip";
constexpr std::size_t files_looked_at = 20'000;
constexpr std::size_t path_bytes_max = 2000;
constexpr std::uint32_t pairs_per_range = 8;
constexpr std::uint32_t keys_per_group = 12;
constexpr std::uint32_t huge_per_range = 2;
constexpr std::uint64_t huge_bytes_max = 60'000;

/// Each of the lines seen is in the sample with the same chance.
class Reservoir {
 public:
  Reservoir(std::size_t wanted, Random& random) : wanted_(wanted), random_(random) {}
  void offer(std::string line) {
    ++seen_;
    if (sample_.size() < wanted_) {
      sample_.push_back(std::move(line));
    } else if (const std::uint64_t place = random_.below(seen_); place < wanted_) {
      sample_[place] = std::move(line);
    }
  }
  [[nodiscard]] Sample take() && { return std::move(sample_); }

 private:
  std::size_t wanted_;
  Random& random_;
  std::uint64_t seen_ = 0;
  Sample sample_;
};

template <class Visit>
void each_line(const char* path, Visit visit) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("there is no {}; ci/setup installs it", path));
  for (std::string line; std::getline(file, line);) visit(line);
}

Sample sample_words(std::size_t wanted, Random& random) {
  Reservoir reservoir(wanted, random);
  each_line(word_list, [&](const std::string& line) { reservoir.offer(line); });
  return std::move(reservoir).take();
}

/// "37483520,37484543,ES": the network's first address, without the zero bytes at its end.
Sample sample_networks(std::size_t wanted, Random& random) {
  Reservoir reservoir(wanted, random);
  each_line(network_list, [&](const std::string& line) {
    std::uint32_t address = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), address).ec != std::errc{}) return;
    std::string bytes;
    for (int shift = 24; shift >= 0 && address << (24 - shift) != 0; shift -= 8)
      bytes.push_back(static_cast<char>(address >> shift & 0xff));
    reservoir.offer(bytes);
  });
  return std::move(reservoir).take();
}

/// What is below a directory, up to so many paths, in an order that no file system decides.
void list_paths(const std::filesystem::path& directory, Sample& found) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::vector<fs::directory_entry> entries(fs::directory_iterator(directory, ignored), {});
  std::ranges::sort(entries);
  for (const fs::directory_entry& entry : entries) {
    if (found.size() >= files_looked_at) return;
    if (entry.path().native().size() < path_bytes_max) found.push_back(entry.path().native());
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) list_paths(entry.path(), found);
  }
}

Sample sample_paths(std::size_t wanted, Random& random) {
  Sample paths;
  for (const char* top : {"/etc", "/usr/share", "/usr/lib"}) list_paths(top, paths);
  Reservoir reservoir(wanted, random);
  for (std::string& path : paths) reservoir.offer(std::move(path));
  return std::move(reservoir).take();
}

/// Distinct keys, in order.
class Collection {
 public:
  void add(Key key) {
    std::string bytes = key.bytes;
    keys_.emplace(std::move(bytes), std::move(key));
  }
  void add_sample(Sample sample, std::uint32_t ranges, Random& random) {
    constexpr std::uint32_t periods[] = {0, 0, 2, 2, 3, 5, 11};
    for (std::string& bytes : sample)
      add({.bytes = std::move(bytes),
           .range = static_cast<std::uint32_t>(random.below(ranges)),
           .period = periods[random.below(std::size(periods))]});
  }
  [[nodiscard]] KeySet in_order() && {
    KeySet keys;
    for (auto& [bytes, key] : keys_) keys.push_back(std::move(key));
    return keys;
  }

 private:
  std::map<std::string, Key, std::less<>> keys_;
};

/// One is a prefix of the next, so that they are neighbours in the tree as well.
void add_shared(Collection& collection) {
  std::string bytes = "shared/";
  for (std::uint32_t index = 0; index < shared_keys; ++index, bytes += "longer/")
    collection.add({.bytes = bytes, .range = nobodys_range, .sort = Sort::shared, .group = index});
}

void add_pairs(Collection& collection, std::uint32_t range) {
  for (std::uint32_t pair = 0; pair < pairs_per_range; ++pair) {
    const std::string stem = fmt::format("pair/{:02}/{}", range, pair);
    collection.add(
        {.bytes = stem + "/first", .range = range, .period = 4, .sort = Sort::first, .group = pair});
    collection.add(
        {.bytes = stem + "/second", .range = range, .period = 4, .sort = Sort::second, .group = pair});
  }
}

void add_groups(Collection& collection, std::uint32_t range, const Sample& words) {
  for (std::uint32_t group = 0; group < groups_per_range; ++group)
    for (std::uint32_t member = 0; member < keys_per_group; ++member) {
      const std::string& word = words[(range * 7919 + group * 613 + member * 37) % words.size()];
      collection.add({.bytes = group_prefix(range, group) + word,
                      .range = range,
                      .period = 7,
                      .sort = Sort::grouped,
                      .group = group});
    }
}

void add_huge(Collection& collection, std::uint32_t range, const Sample& words, Random& random) {
  for (std::uint32_t index = 0; index < huge_per_range; ++index) {
    std::string bytes = fmt::format("huge/{:02}/", range);
    const std::uint64_t length = 2000 + random.below(huge_bytes_max - 2000);
    while (bytes.size() < length) bytes += words[random.below(words.size())];
    bytes.resize(length);
    collection.add({.bytes = std::move(bytes), .range = range, .period = 3});
  }
}

/// The keys that are prefixes of the next one lie on a stack, since they come in order.
void link_parents(KeySet& keys) {
  std::vector<KeyId> open;
  for (KeyId id = 0; id < keys.size(); ++id) {
    while (!open.empty() && !keys[id].bytes.starts_with(keys[open.back()].bytes)) open.pop_back();
    if (!open.empty()) keys[id].parent = open.back();
    open.push_back(id);
  }
}

/// "pair/00/3/first" is followed by "pair/00/3/second".
void link_partners(KeySet& keys) {
  for (KeyId id = 0; id + 1 < keys.size(); ++id) {
    if (keys[id].sort != Sort::first) continue;
    keys[id].partner = id + 1;
    keys[id + 1].partner = id;
  }
}

}  // namespace

std::string group_prefix(std::uint32_t range, std::uint32_t group) {
  return fmt::format("group/{:02}/{}/", range, group);
}

KeySet make_key_set(std::uint64_t seed, std::uint32_t ranges, std::uint32_t keys_per_range) {
  Random random(seed);
  const std::size_t third = std::max<std::size_t>(1, std::size_t{ranges} * keys_per_range / 3);
  Collection collection;
  const Sample words = sample_words(third, random);
  collection.add_sample(words, ranges, random);
  collection.add_sample(sample_paths(third, random), ranges, random);
  collection.add_sample(sample_networks(third, random), ranges, random);
  collection.add({.bytes = "", .range = 0, .period = 2});
  add_shared(collection);
  for (std::uint32_t range = 0; range < ranges; ++range) {
    add_pairs(collection, range);
    add_groups(collection, range, words);
    add_huge(collection, range, words, random);
  }
  KeySet keys = std::move(collection).in_order();
  link_parents(keys);
  link_partners(keys);
  return keys;
}

}  // namespace radish::stress::torture
