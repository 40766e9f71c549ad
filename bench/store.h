// The two stores that are compared, behind the same few calls. Both live in /dev/shm, in a file that has no
// name any more once it is open. A failure of either ends the program: a benchmark of errors is none.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "radish/tree.hpp"

namespace radish::bench {

/// A fresh name in /dev/shm.
std::string scratch_path(std::string_view what);

class RadishStore {
 public:
  static constexpr const char* name = "radish";

  RadishStore();
  void insert(std::string_view key, std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key);
  bool erase(std::string_view key);
  /// Walks all entries in order; the sum of their values.
  [[nodiscard]] std::uint64_t scan();
  [[nodiscard]] std::uint64_t bytes_used();

 private:
  Tree tree_;
};

/// One transaction an operation, none of them waiting for a disk. A lookup renews a read transaction, which
/// is LMDB's cheapest way to see the newest state each time.
class LmdbStore {
 public:
  static constexpr const char* name = "lmdb";

  LmdbStore();
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore();
  void insert(std::string_view key, std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key);
  bool erase(std::string_view key);
  [[nodiscard]] std::uint64_t scan();
  [[nodiscard]] std::uint64_t bytes_used();

 private:
  MDB_env* environment_ = nullptr;
  MDB_txn* reader_ = nullptr;
  MDB_dbi database_ = 0;
};

}  // namespace radish::bench
