// Ordered maps of one process, with keys of type std::string.
#include <absl/container/btree_map.h>

#include <map>
#include <string>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

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
  [[nodiscard]] std::uint64_t scan() {
    std::uint64_t sum = 0;
    for (const auto& [key, value] : map_) sum += value;
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  Malloced malloced_;
  Map map_;
};

struct StdMapStore : MapStore<std::map<std::string, std::uint64_t, std::less<>>> {
  static constexpr const char* name = "std::map";
};
struct BTreeStore : MapStore<absl::btree_map<std::string, std::uint64_t, std::less<>>> {
  static constexpr const char* name = "absl::btree_map";
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, [](const std::string& set) {
    radish::bench::add_operations<radish::bench::StdMapStore>(set);
    radish::bench::add_operations<radish::bench::BTreeStore>(set);
  });
}
