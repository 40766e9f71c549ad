// The ordered maps from number to number that are compared, behind the same few calls. A failure of any ends
// the run: a benchmark of errors is none.
#pragma once

#include <Judy.h>
#include <absl/container/btree_map.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "measure.h"
#include "radish/integer_map.hpp"

namespace radish::bench {

using Number = std::uint64_t;
using Found = std::optional<Number>;

/// In a memfd, as processes share it.
class IntegerMapStore {
 public:
  static constexpr const char* name = "radish";
  IntegerMapStore() : segment_(take(Segment::create_memfd("bench"))) {}

  void insert(Number key, Number value) { take(map_.insert(key, value)); }
  [[nodiscard]] Found find(Number key) const { return take(map_.find(key)); }
  /// The least key that is not less, and its value: their sum.
  [[nodiscard]] Found lower_bound(Number bound) const {
    return take(map_.lower_bound(bound)).transform([](const IntegerEntry& entry) {
      return entry.key + entry.value;
    });
  }
  /// Walks all entries in order; the sum of their values.
  [[nodiscard]] Number scan() const {
    IntegerCursor cursor = take(map_.cursor());
    Number sum = 0;
    while (const auto entry = take(cursor.next())) sum += entry->value;
    return sum;
  }
  [[nodiscard]] Number own_bytes() const { return take(segment_.tree().stats()).heap_bytes_used; }
  void begin_reading() {}

 protected:
  Segment segment_;
  IntegerMap map_ = take(segment_.integer_map("numbers"));
};

/// The same, read under one pin.
class PinnedMapStore : public IntegerMapStore {
 public:
  static constexpr const char* name = "radish, pinned";
  void begin_reading() { pin_ = take(segment_.pin()); }

 private:
  std::optional<Pin> pin_;
};

/// A map of the standard library's interface.
template <class Map>
class OrderedStore {
 public:
  void insert(Number key, Number value) { map_.insert_or_assign(key, value); }
  [[nodiscard]] Found find(Number key) const {
    const auto at = map_.find(key);
    return at == map_.end() ? std::nullopt : Found(at->second);
  }
  [[nodiscard]] Found lower_bound(Number bound) const {
    const auto at = map_.lower_bound(bound);
    return at == map_.end() ? std::nullopt : Found(at->first + at->second);
  }
  [[nodiscard]] Number scan() const {
    Number sum = 0;
    for (const auto& [key, value] : map_) sum += value;
    return sum;
  }
  [[nodiscard]] static Number own_bytes() { return 0; }  // all of it is malloc's
  void begin_reading() {}

 private:
  Map map_;
};

class StandardStore : public OrderedStore<std::map<Number, Number>> {
 public:
  static constexpr const char* name = "std::map";
};

class BtreeStore : public OrderedStore<absl::btree_map<Number, Number>> {
 public:
  static constexpr const char* name = "absl::btree_map";
};

class JudyStore {
 public:
  static constexpr const char* name = "JudyL";
  JudyStore() = default;
  JudyStore(const JudyStore&) = delete;
  JudyStore& operator=(const JudyStore&) = delete;
  ~JudyStore() { JudyLFreeArray(&array_, PJE0); }

  void insert(Number key, Number value) {
    *static_cast<Word_t*>(static_cast<void*>(JudyLIns(&array_, key, PJE0))) = value;
  }
  [[nodiscard]] Found find(Number key) const { return value_at(JudyLGet(array_, key, PJE0)); }
  [[nodiscard]] Found lower_bound(Number bound) const {
    Word_t key = bound;
    const Found value = value_at(JudyLFirst(array_, &key, PJE0));
    return value ? Found(key + *value) : std::nullopt;
  }
  [[nodiscard]] Number scan() const {
    Number sum = 0;
    Word_t key = 0;
    for (void** at = JudyLFirst(array_, &key, PJE0); at != nullptr; at = JudyLNext(array_, &key, PJE0))
      sum += *value_at(at);
    return sum;
  }
  [[nodiscard]] static Number own_bytes() { return 0; }
  void begin_reading() {}

 private:
  static Found value_at(const void* at) {
    return at == nullptr ? std::nullopt : Found(*static_cast<const Word_t*>(at));
  }
  void* array_ = nullptr;
};

}  // namespace radish::bench
