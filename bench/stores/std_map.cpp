// The ordered map of the standard library.
#include <functional>
#include <map>
#include <string>

#include "../operations.h"
#include "../program.h"
#include "map_store.h"

namespace radish::bench {
namespace {

struct StdMapStore : MapStore<std::map<std::string, std::uint64_t, std::less<>>> {
  static constexpr const char* name = "std::map";
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::StdMapStore>);
}
