// radish, in /dev/shm, in a file that has no name any more once it is open.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "../measure.h"
#include "radish/segment.hpp"
#include "radish/tree.hpp"
#include "store.h"

namespace radish::bench {

class RadishStore {
 public:
  static constexpr const char* name = "radish";
  using Match = radish::Match;

  RadishStore() : RadishStore(OpenOptions{}) {}
  explicit RadishStore(const OpenOptions& options) : tree_(scratch_tree(options)) {}

  void find_batch(std::span<const std::string_view> keys, std::span<std::optional<std::uint64_t>> values) {
    take(tree_.find_batch(keys, values));
  }
  void longest_prefix_batch(std::span<const std::string_view> queries,
                            std::span<std::optional<Match>> matches) {
    take(tree_.longest_prefix_batch(queries, matches));
  }
  void insert(std::string_view key, std::uint64_t value) { take(tree_.insert(key, value)); }
  void bulk_load(std::span<const std::string_view> keys, std::span<const std::uint64_t> values) {
    take(tree_.replace_all(keys, values));
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) { return take(tree_.find(key)); }
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query) {
    const auto match = take(tree_.longest_prefix(query));
    if (!match) return std::nullopt;
    return match->value;
  }
  bool erase(std::string_view key) { return take(tree_.erase(key)); }
  /// Walks all entries in order; the sum of their values.
  [[nodiscard]] std::uint64_t scan() {
    auto cursor = take(tree_.cursor());
    std::uint64_t sum = 0;
    while (const auto entry = take(cursor.next())) sum += entry->value;
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return take(tree_.stats()).heap_bytes_used; }

 protected:
  static Tree scratch_tree(OpenOptions options) {
    options.exclusive = true;
    auto tree = take(Tree::open(scratch_path("radish"), options));
    take(tree.unlink());
    return tree;
  }
  Tree tree_;
};

/// The same, with all lookups under one pin.
class PinnedRadishStore : public RadishStore {
 public:
  static constexpr const char* name = "radish, pinned";

  void unpin() { pin_.reset(); }
  void insert(std::string_view key, std::uint64_t value) {
    unpin();
    RadishStore::insert(key, value);
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    pin_once();
    return RadishStore::find(key);
  }
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query) {
    pin_once();
    return RadishStore::longest_prefix(query);
  }
  void find_batch(std::span<const std::string_view> keys, std::span<std::optional<std::uint64_t>> values) {
    pin_once();
    RadishStore::find_batch(keys, values);
  }
  void longest_prefix_batch(std::span<const std::string_view> queries,
                            std::span<std::optional<Match>> matches) {
    pin_once();
    RadishStore::longest_prefix_batch(queries, matches);
  }

 private:
  void pin_once() {
    if (!pin_) [[unlikely]]
      pin_ = take(segment_.pin());
  }
  Segment segment_ = tree_.segment();
  std::optional<Pin> pin_;
};

/// The same, in pages of 2 MiB.
class HugeRadishStore : public RadishStore {
 public:
  static constexpr const char* name = "radish, huge pages";
  HugeRadishStore() : RadishStore({.huge_pages = true}) {}
};

}  // namespace radish::bench
