// A store that loses a key in a thousand, to show that the benchmarks see wrong answers.
#include <functional>
#include <map>
#include <string>

#include "../operations.h"
#include "../program.h"
#include "map_store.h"

namespace radish::bench {
namespace {

struct ForgetfulStore : MapStore<std::map<std::string, std::uint64_t, std::less<>>> {
  static constexpr const char* name = "forgetful";

  void insert(std::string_view key, std::uint64_t value) {
    if (value % 1000 != 999) MapStore::insert(key, value);
  }
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::ForgetfulStore>);
}
