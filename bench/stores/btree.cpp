// Abseil's B-tree.
#include <absl/container/btree_map.h>

#include <functional>
#include <string>

#include "../operations.h"
#include "../program.h"
#include "map_store.h"

namespace radish::bench {
namespace {

struct BTreeStore : MapStore<absl::btree_map<std::string, std::uint64_t, std::less<>>> {
  static constexpr const char* name = "absl::btree_map";
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::BTreeStore>);
}
