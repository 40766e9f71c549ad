// What a lookup pays for its own pin: the same lookups with a pin for each and under one, in turns.
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
constexpr std::size_t pairs = 41;

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
  RadishStore each;
  PinnedRadishStore once;
  load(each, set);
  load(once, set);
  for (auto _ : state) {
    std::vector<double> differences;
    for (std::size_t pair = 0; pair < pairs; ++pair)
      differences.push_back(find_ns(state, each, set, pair * lookups) -
                            find_ns(state, once, set, pair * lookups));
    state.counters["ns"] = median(differences);
  }
}

}  // namespace

void add_pin_cost(const std::string& set) { add("pin_cost", set, "radish", pin_cost)->Iterations(1); }

}  // namespace radish::bench
