#include "operations.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "key_set.h"
#include "store.h"

namespace radish::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int repetitions = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Store>
void load(Store& store, const KeySet& set) {
  for (std::size_t index = 0; index < set.keys.size(); ++index) store.insert(set.keys[index], index);
}

/// A store with the whole set, for those who only read it. One at a time is kept.
template <class Store>
Store& loaded(const KeySet& set) {
  static std::unique_ptr<Store> store;
  static std::string held;
  if (held != set.name) {
    store = std::make_unique<Store>();
    load(*store, set);
    held = set.name;
  }
  return *store;
}

std::int64_t items(const KeySet& set) { return static_cast<std::int64_t>(set.keys.size()); }

template <class Store>
void insert(benchmark::State& state, const KeySet& set) {
  for (auto _ : state) {
    Store store;
    const auto start = Clock::now();
    load(store, set);
    state.SetIterationTime(seconds_since(start));
    state.counters["bytes_per_key"] =
        static_cast<double>(store.bytes_used()) / static_cast<double>(set.keys.size());
  }
  state.SetItemsProcessed(state.iterations() * items(set));
}

template <class Store>
void erase(benchmark::State& state, const KeySet& set) {
  for (auto _ : state) {
    Store store;
    load(store, set);
    std::size_t erased = 0;
    const auto start = Clock::now();
    for (const auto& entry : set.lookups) erased += store.erase(entry.key);
    state.SetIterationTime(seconds_since(start));
    if (erased != set.keys.size()) state.SkipWithError("a key was not there to be erased");
  }
  state.SetItemsProcessed(state.iterations() * items(set));
}

template <class Store>
void find(benchmark::State& state, const KeySet& set) {
  Store& store = loaded<Store>(set);
  std::size_t index = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    wrong += store.find(set.lookups[index].key) != set.lookups[index].value;
    if (++index == set.lookups.size()) index = 0;
  }
  if (wrong != 0) state.SkipWithError("a lookup gave a wrong value");
  state.SetItemsProcessed(state.iterations());
}

template <class Store>
void find_miss(benchmark::State& state, const KeySet& set) {
  Store& store = loaded<Store>(set);
  std::size_t index = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    wrong += store.find(set.absent[index]).has_value();
    if (++index == set.absent.size()) index = 0;
  }
  if (wrong != 0) state.SkipWithError("an absent key was found");
  state.SetItemsProcessed(state.iterations());
}

template <class Store>
void scan(benchmark::State& state, const KeySet& set) {
  Store& store = loaded<Store>(set);
  const std::uint64_t all = set.keys.size();
  for (auto _ : state) {
    if (store.scan() != all * (all - 1) / 2) state.SkipWithError("a scan missed an entry");
  }
  state.SetItemsProcessed(state.iterations() * items(set));
}

using Body = void (*)(benchmark::State&, const KeySet&);

benchmark::internal::Benchmark* add(const char* operation, const char* set, const char* store, Body body) {
  const auto name = fmt::format("{}/{}/{}", operation, set, store);
  auto run = [body, set](benchmark::State& state) { body(state, key_set(set)); };
  return benchmark::RegisterBenchmark(name.c_str(), run)->Repetitions(repetitions)->ReportAggregatesOnly();
}

/// A whole load or unload is one iteration, timed without its preparation.
void add_whole(const char* operation, const char* set, const char* store, Body body) {
  add(operation, set, store, body)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_operations() {
  for (const char* set : {"rand8", "seq8", "words", "paths"}) {
    add_whole("insert", set, RadishStore::name, insert<RadishStore>);
    add_whole("insert", set, LmdbStore::name, insert<LmdbStore>);
    add("find", set, RadishStore::name, find<RadishStore>);
    add("find", set, LmdbStore::name, find<LmdbStore>);
    add("find_miss", set, RadishStore::name, find_miss<RadishStore>);
    add("find_miss", set, LmdbStore::name, find_miss<LmdbStore>);
    add("scan", set, RadishStore::name, scan<RadishStore>)->Unit(benchmark::kMillisecond);
    add("scan", set, LmdbStore::name, scan<LmdbStore>)->Unit(benchmark::kMillisecond);
    add_whole("erase", set, RadishStore::name, erase<RadishStore>);
    add_whole("erase", set, LmdbStore::name, erase<LmdbStore>);
  }
}

}  // namespace radish::bench
