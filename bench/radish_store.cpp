#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "store.h"

namespace radish::bench {
namespace {

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "radish_bench: {}\n", error.message);
  std::exit(3);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

Tree scratch_tree() {
  auto tree = value_of(Tree::open(scratch_path("radish"), {.exclusive = true}));
  value_of(tree.unlink());
  return tree;
}

}  // namespace

std::string scratch_path(std::string_view what) {
  static int number = 0;
  return fmt::format("/dev/shm/radish-bench-{}-{}.{}", getpid(), ++number, what);
}

RadishStore::RadishStore() : tree_(scratch_tree()) {}

void RadishStore::insert(std::string_view key, std::uint64_t value) { value_of(tree_.insert(key, value)); }

std::optional<std::uint64_t> RadishStore::find(std::string_view key) { return value_of(tree_.find(key)); }

bool RadishStore::erase(std::string_view key) { return value_of(tree_.erase(key)); }

std::uint64_t RadishStore::scan() {
  auto cursor = value_of(tree_.cursor());
  std::uint64_t sum = 0;
  while (const auto entry = value_of(cursor.next())) sum += entry->value;
  return sum;
}

std::uint64_t RadishStore::bytes_used() { return value_of(tree_.stats()).heap_bytes_used; }

}  // namespace radish::bench
