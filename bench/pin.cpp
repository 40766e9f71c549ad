// What a lookup pays for its own pin: the same lookups in the same tree with a pin for each and under one, in
// turns.
#include "pin.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "key_set.h"
#include "operations.h"
#include "stores/radish.h"

namespace radish::bench {
namespace {

constexpr std::size_t lookups = 100'000;
constexpr std::size_t turns = 41;

template <class Store>
double find_ns(benchmark::State& state, Store& store, const KeySet& set, std::size_t first) {
  std::size_t wrong = 0;
  const double start = cpu_ns();
  for (std::size_t done = 0, index = first % set.lookups.size(); done < lookups; ++done) {
    wrong += store.find(set.lookups[index].key) != set.lookups[index].value;
    if (++index == set.lookups.size()) index = 0;
  }
  const double ns = (cpu_ns() - start) / static_cast<double>(lookups);
  if (wrong != 0) fail(state, "a lookup gave a wrong value");
  return ns;
}

void pin_cost(benchmark::State& state, const KeySet& set) {
  PinnedRadishStore once;
  RadishStore& each = once;
  load(once, set);
  for (auto _ : state) {
    std::vector<double> differences;
    for (std::size_t first = 0; first < turns * lookups; first += lookups) {
      const auto pinned_ns = [&] { return find_ns(state, once, set, first); };
      const auto own_ns = [&] {
        once.unpin();
        return find_ns(state, each, set, first);
      };
      pinned_ns();  // what comes first pays for bringing the keys in
      const double before = pinned_ns(), first_own = own_ns(), second_own = own_ns(), behind = pinned_ns();
      differences.push_back((first_own + second_own - before - behind) / 2);
    }
    state.counters["ns"] = median(differences);
  }
}

}  // namespace

void add_pin_cost(const std::string& set) { add("pin_cost", set, "radish", pin_cost)->Iterations(1); }

}  // namespace radish::bench
