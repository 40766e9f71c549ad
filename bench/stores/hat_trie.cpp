// hat-trie: unordered buckets under a trie.
#include <hat-trie/hat-trie.h>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

class HatTrieStore {
 public:
  static constexpr const char* name = "hat-trie";

  HatTrieStore() = default;
  HatTrieStore(const HatTrieStore&) = delete;
  HatTrieStore& operator=(const HatTrieStore&) = delete;
  ~HatTrieStore() { hattrie_free(trie_); }

  void insert(std::string_view key, std::uint64_t value) {
    *hattrie_get(trie_, key.data(), key.size()) = value;
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    const value_t* found = hattrie_tryget(trie_, key.data(), key.size());
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  bool erase(std::string_view key) { return hattrie_del(trie_, key.data(), key.size()) == 0; }
  [[nodiscard]] std::uint64_t scan() {
    std::uint64_t sum = 0;
    hattrie_iter_t* at = hattrie_iter_begin(trie_, true);
    for (; !hattrie_iter_finished(at); hattrie_iter_next(at)) sum += *hattrie_iter_val(at);
    hattrie_iter_free(at);
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  Malloced malloced_;
  hattrie_t* trie_ = hattrie_create();
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, radish::bench::add_operations<radish::bench::HatTrieStore>);
}
