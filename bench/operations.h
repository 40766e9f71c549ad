// What is measured of a store, the same loops for each.
//
// A store has insert, find, erase and bytes_used; scan if it is ordered, in order; longest_prefix if it can
// be asked. A failure inside one ends the program: a benchmark of errors is none. Time is the thread's own on
// the processor.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "key_set.h"
#include "measure.h"

namespace radish::bench {

/// Whether some answer in this program was wrong.
inline bool any_wrong = false;

inline void fail(benchmark::State& state, const char* what) {
  any_wrong = true;
  state.SkipWithError(what);
}

template <class Store>
void load(Store& store, const KeySet& set) {
  for (std::size_t index = 0; index < set.keys.size(); ++index) store.insert(set.keys[index], index);
}

/// A store with the whole set, for those who only read it. One at a time is kept.
template <class Store>
Store& loaded(const KeySet& set) {
  static std::unique_ptr<Store> store;
  static const KeySet* held = nullptr;
  if (held != &set) {
    store = nullptr;
    store = std::make_unique<Store>();
    load(*store, set);
    held = &set;
  }
  return *store;
}

/// Times `work(store)`, which is done to a store that `prepare` has made ready, as one iteration.
template <class Store, class Prepare, class Work>
void time_whole(benchmark::State& state, const KeySet& set, Prepare prepare, Work work) {
  for (auto _ : state) {
    Store store;
    prepare(store);
    const double start = cpu_ns();
    const bool done = work(store);
    state.SetIterationTime((cpu_ns() - start) / 1e9);
    if (!done) fail(state, "a key was not there to be erased");
    if (const auto bytes = store.bytes_used(); bytes != 0)
      state.counters["bytes_per_key"] = static_cast<double>(bytes) / static_cast<double>(set.keys.size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(set.keys.size()));
}

template <class Store>
void insert(benchmark::State& state, const KeySet& set) {
  const auto nothing = [](Store&) {};
  time_whole<Store>(state, set, nothing, [&](Store& store) { return load(store, set), true; });
}

/// All keys at once, in order.
template <class Store>
void bulk_load(benchmark::State& state, const KeySet& set) {
  std::vector<std::pair<std::string_view, std::uint64_t>> entries;
  for (std::size_t index = 0; index < set.keys.size(); ++index) entries.emplace_back(set.keys[index], index);
  std::ranges::sort(entries);
  std::vector<std::string_view> keys;
  std::vector<std::uint64_t> values;
  for (const auto& [key, value] : entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  const auto nothing = [](Store&) {};
  time_whole<Store>(state, set, nothing, [&](Store& store) { return store.bulk_load(keys, values), true; });
}

template <class Store>
void erase(benchmark::State& state, const KeySet& set) {
  time_whole<Store>(
      state, set, [&](Store& store) { load(store, set); },
      [&](Store& store) {
        std::size_t erased = 0;
        for (const auto& entry : set.lookups) erased += store.erase(entry.key) ? 1U : 0U;
        return erased == set.keys.size();
      });
}

/// Times `ask(store, index)`, which says whether the answer is right, for each index below `count` in turn.
template <class Store, class Ask>
void time_each(benchmark::State& state, const KeySet& set, std::size_t count, Ask ask) {
  Store& store = loaded<Store>(set);
  std::size_t index = 0;
  std::size_t wrong = 0;
  for (auto _ : state) {
    wrong += ask(store, index) ? 0U : 1U;
    if (++index == count) index = 0;
  }
  if (wrong != 0) fail(state, "an answer was wrong");
  state.SetItemsProcessed(state.iterations());
}

template <class Store>
void find(benchmark::State& state, const KeySet& set) {
  time_each<Store>(state, set, set.lookups.size(), [&](Store& store, std::size_t index) {
    return store.find(set.lookups[index].key) == set.lookups[index].value;
  });
}

template <class Store>
void find_miss(benchmark::State& state, const KeySet& set) {
  time_each<Store>(state, set, set.absent.size(), [&](Store& store, std::size_t index) {
    return !store.find(set.absent[index]).has_value();
  });
}

/// Stores the value that the key already has.
template <class Store>
void overwrite(benchmark::State& state, const KeySet& set) {
  time_each<Store>(state, set, set.lookups.size(), [&](Store& store, std::size_t index) {
    return store.insert(set.lookups[index].key, set.lookups[index].value), true;
  });
}

template <class Store>
void longest_prefix(benchmark::State& state, const KeySet& set) {
  time_each<Store>(state, set, set.lookups.size(), [&](Store& store, std::size_t index) {
    return store.longest_prefix(set.lookups[index].key) == set.lookups[index].value;
  });
}

/// Asks for pieces of the lookups at once: `ask(store, queries, answers)`, and `value(answer)` of each.
template <class Store, class Answer, class Ask, class Value>
void time_batches(benchmark::State& state, const KeySet& set, Ask ask, Value value) {
  Store& store = loaded<Store>(set);
  std::array<std::string_view, 256> queries;
  std::array<std::optional<Answer>, queries.size()> answers;
  std::size_t from = 0, wrong = 0;
  for (auto _ : state) {
    if (from + queries.size() > set.lookups.size()) from = 0;
    for (std::size_t index = 0; index < queries.size(); ++index)
      queries[index] = set.lookups[from + index].key;
    ask(store, queries, answers);
    for (std::size_t index = 0; index < queries.size(); ++index)
      wrong += answers[index] && value(*answers[index]) == set.lookups[from + index].value ? 0U : 1U;
    from += queries.size();
  }
  if (wrong != 0) fail(state, "an answer was wrong");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(queries.size()));
}

template <class Store>
void find_batch(benchmark::State& state, const KeySet& set) {
  time_batches<Store, std::uint64_t>(
      state, set, [](Store& store, auto& keys, auto& values) { store.find_batch(keys, values); },
      [](std::uint64_t value) { return value; });
}

template <class Store>
void longest_prefix_batch(benchmark::State& state, const KeySet& set) {
  time_batches<Store, typename Store::Match>(
      state, set,
      [](Store& store, auto& queries, auto& matches) { store.longest_prefix_batch(queries, matches); },
      [](const auto& match) { return match.value; });
}

template <class Store>
void scan(benchmark::State& state, const KeySet& set) {
  Store& store = loaded<Store>(set);
  const std::uint64_t all = set.keys.size();
  for (auto _ : state)
    if (store.scan() != all * (all - 1) / 2) fail(state, "a scan missed an entry");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all));
}

using Body = void (*)(benchmark::State&, const KeySet&);

inline benchmark::internal::Benchmark* add(std::string_view operation, const std::string& set,
                                           std::string_view store, Body body) {
  const auto name = fmt::format("{}/{}/{}", operation, set, store);
  return benchmark::RegisterBenchmark(name.c_str(),
                                      [body, set](benchmark::State& state) { body(state, key_set(set)); });
}

/// A whole load or unload is one iteration, timed without its preparation.
inline void add_whole(std::string_view operation, const std::string& set, std::string_view store, Body body) {
  add(operation, set, store, body)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
}

/// What the store does without changing anything.
template <class Store>
void add_lookups(const std::string& set) {
  if constexpr (requires(Store& store) { store.longest_prefix(""); })
    if (set == "ipv4") add("longest_prefix", set, Store::name, longest_prefix<Store>);
  if constexpr (requires { typename Store::Match; })
    set == "ipv4" ? add("longest_prefix_batch", set, Store::name, longest_prefix_batch<Store>)
                  : add("find_batch", set, Store::name, find_batch<Store>);
  if (set == "ipv4") return;
  add("find", set, Store::name, find<Store>);
  add("find_miss", set, Store::name, find_miss<Store>);
}

/// All that the store can do, with a set that it can hold.
template <class Store>
void add_operations(const std::string& set) {
  add_whole("insert", set, Store::name, insert<Store>);
  add_lookups<Store>(set);
  if constexpr (requires { &Store::bulk_load; }) add_whole("bulk_load", set, Store::name, bulk_load<Store>);
  if (set == "ipv4") return;
  add("overwrite", set, Store::name, overwrite<Store>);
  if constexpr (requires(Store& store) { store.scan(); })
    add("scan", set, Store::name, scan<Store>)->Unit(benchmark::kMillisecond);
  add_whole("erase", set, Store::name, erase<Store>);
}

}  // namespace radish::bench
