// LMDB, in /dev/shm: one transaction an operation, none of them waiting for a disk. A lookup renews a read
// transaction, which is LMDB's cheapest way to see the newest state each time.
#include <fmt/format.h>
#include <lmdb.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <span>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

constexpr std::size_t map_bytes = std::size_t{4} << 30;

void check(int status) {
  if (status == MDB_SUCCESS) return;
  fmt::print(stderr, "lmdb: {}\n", mdb_strerror(status));
  std::exit(3);
}

MDB_val bytes(std::string_view key) { return {key.size(), const_cast<char*>(key.data())}; }

std::uint64_t number(const MDB_val& value) {
  std::uint64_t result = 0;
  std::memcpy(&result, value.mv_data, sizeof result);
  return result;
}

class LmdbStore {
 public:
  static constexpr const char* name = "lmdb";

  LmdbStore();
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore();
  void insert(std::string_view key, std::uint64_t value);
  /// In one transaction, each key behind the one before it.
  void bulk_load(std::span<const std::string_view> keys, std::span<const std::uint64_t> values);
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key);
  [[nodiscard]] std::optional<std::uint64_t> longest_prefix(std::string_view query);
  bool erase(std::string_view key);
  [[nodiscard]] std::uint64_t scan();
  [[nodiscard]] std::uint64_t bytes_used();

 private:
  [[nodiscard]] std::optional<std::uint64_t> get(std::string_view key);

  MDB_env* environment_ = nullptr;
  MDB_txn* reader_ = nullptr;
  MDB_dbi database_ = 0;
};

LmdbStore::LmdbStore() {
  const auto path = scratch_path("lmdb");
  check(mdb_env_create(&environment_));
  check(mdb_env_set_mapsize(environment_, map_bytes));
  constexpr unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_NOTLS;
  check(mdb_env_open(environment_, path.c_str(), flags, 0600));
  unlink(path.c_str());
  unlink((path + "-lock").c_str());
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
  check(mdb_dbi_open(transaction, nullptr, 0, &database_));
  check(mdb_txn_commit(transaction));
  check(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reader_));
  mdb_txn_reset(reader_);
}

LmdbStore::~LmdbStore() {
  mdb_txn_abort(reader_);
  mdb_env_close(environment_);
}

void LmdbStore::insert(std::string_view key, std::uint64_t value) {
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
  MDB_val key_bytes = bytes(key);
  MDB_val value_bytes{sizeof value, &value};
  check(mdb_put(transaction, database_, &key_bytes, &value_bytes, 0));
  check(mdb_txn_commit(transaction));
}

void LmdbStore::bulk_load(std::span<const std::string_view> keys, std::span<const std::uint64_t> values) {
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
  for (std::size_t index = 0; index < keys.size(); ++index) {
    MDB_val key_bytes = bytes(keys[index]);
    std::uint64_t value = values[index];
    MDB_val value_bytes{sizeof value, &value};
    check(mdb_put(transaction, database_, &key_bytes, &value_bytes, MDB_APPEND));
  }
  check(mdb_txn_commit(transaction));
}

std::optional<std::uint64_t> LmdbStore::get(std::string_view key) {
  MDB_val key_bytes = bytes(key);
  MDB_val value_bytes{};
  const int status = mdb_get(reader_, database_, &key_bytes, &value_bytes);
  if (status == MDB_NOTFOUND) return std::nullopt;
  check(status);
  return number(value_bytes);
}

std::optional<std::uint64_t> LmdbStore::find(std::string_view key) {
  check(mdb_txn_renew(reader_));
  const auto value = get(key);
  mdb_txn_reset(reader_);
  return value;
}

std::optional<std::uint64_t> LmdbStore::longest_prefix(std::string_view query) {
  check(mdb_txn_renew(reader_));
  std::optional<std::uint64_t> found;
  for (std::size_t length = query.size(); length > 0 && !found; --length)
    found = get(query.substr(0, length));
  mdb_txn_reset(reader_);
  return found;
}

bool LmdbStore::erase(std::string_view key) {
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
  MDB_val key_bytes = bytes(key);
  const int status = mdb_del(transaction, database_, &key_bytes, nullptr);
  if (status != MDB_NOTFOUND) check(status);
  check(mdb_txn_commit(transaction));
  return status == MDB_SUCCESS;
}

std::uint64_t LmdbStore::scan() {
  check(mdb_txn_renew(reader_));
  MDB_cursor* cursor = nullptr;
  check(mdb_cursor_open(reader_, database_, &cursor));
  MDB_val key_bytes{};
  MDB_val value_bytes{};
  std::uint64_t sum = 0;
  int status = MDB_SUCCESS;
  while ((status = mdb_cursor_get(cursor, &key_bytes, &value_bytes, MDB_NEXT)) == MDB_SUCCESS) {
    sum += number(value_bytes);
  }
  if (status != MDB_NOTFOUND) check(status);
  mdb_cursor_close(cursor);
  mdb_txn_reset(reader_);
  return sum;
}

std::uint64_t LmdbStore::bytes_used() {
  check(mdb_txn_renew(reader_));
  MDB_stat stat{};
  check(mdb_stat(reader_, database_, &stat));
  mdb_txn_reset(reader_);
  return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::LmdbStore>);
}
