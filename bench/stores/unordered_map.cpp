// The hash map of the standard library.
#include <functional>
#include <string>
#include <unordered_map>

#include "../operations.h"
#include "../program.h"
#include "map_store.h"

namespace radish::bench {
namespace {

struct Hash : std::hash<std::string_view> {
  using is_transparent = void;
};

struct UnorderedMapStore : MapStore<std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>> {
  static constexpr const char* name = "std::unordered_map";
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::UnorderedMapStore>);
}
