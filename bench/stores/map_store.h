// A map of a C++ library as a store, with keys of type std::string that are looked up by std::string_view.
#pragma once

#include <string>

#include "store.h"

namespace radish::bench {

template <class Map>
class MapStore {
 public:
  void insert(std::string_view key, std::uint64_t value) { map_.insert_or_assign(std::string(key), value); }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    const auto found = map_.find(key);
    if (found == map_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query) {
    return probe_prefixes(*this, query);
  }
  bool erase(std::string_view key) {
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    map_.erase(found);
    return true;
  }
  [[nodiscard]] std::uint64_t scan()
    requires requires { typename Map::key_compare; }
  {
    std::uint64_t sum = 0;
    for (const auto& [key, value] : map_) sum += value;
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  Malloced malloced_;
  Map map_;
};

}  // namespace radish::bench
