// The hash map of the standard library, with keys of type std::string.
#include <functional>
#include <string>
#include <unordered_map>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

struct Hash : std::hash<std::string_view> {
  using is_transparent = void;
};

class UnorderedMapStore {
 public:
  static constexpr const char* name = "std::unordered_map";

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
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  Malloced malloced_;
  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> map_;
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::UnorderedMapStore>);
}
