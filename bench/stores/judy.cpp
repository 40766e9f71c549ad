// Judy: JudyL for keys of 8 bytes, JudySL for text. Neither knows prefixes, and JudySL no zero bytes.
#include <Judy.h>

#include "../operations.h"
#include "../program.h"
#include "store.h"

namespace radish::bench {
namespace {

class JudyLStore {
 public:
  static constexpr const char* name = "judy";

  JudyLStore() = default;
  JudyLStore(const JudyLStore&) = delete;
  JudyLStore& operator=(const JudyLStore&) = delete;
  ~JudyLStore() { JudyLFreeArray(&array_, nullptr); }

  void insert(std::string_view key, std::uint64_t value) {
    *reinterpret_cast<Word_t*>(JudyLIns(&array_, number_of(key), nullptr)) = value;
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    const auto* found = reinterpret_cast<const Word_t*>(JudyLGet(array_, number_of(key), nullptr));
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  bool erase(std::string_view key) { return JudyLDel(&array_, number_of(key), nullptr) == 1; }
  [[nodiscard]] std::uint64_t scan() {
    Word_t key = 0;
    std::uint64_t sum = 0;
    for (void** at = JudyLFirst(array_, &key, nullptr); at != nullptr; at = JudyLNext(array_, &key, nullptr))
      sum += *reinterpret_cast<const Word_t*>(at);
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  Malloced malloced_;
  void* array_ = nullptr;
};

class JudySLStore {
 public:
  static constexpr const char* name = "judy";

  JudySLStore() = default;
  JudySLStore(const JudySLStore&) = delete;
  JudySLStore& operator=(const JudySLStore&) = delete;
  ~JudySLStore() { JudySLFreeArray(&array_, nullptr); }

  void insert(std::string_view key, std::uint64_t value) {
    *reinterpret_cast<Word_t*>(JudySLIns(&array_, text(key), nullptr)) = value;
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) {
    const auto* found = reinterpret_cast<const Word_t*>(JudySLGet(array_, text(key), nullptr));
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  bool erase(std::string_view key) { return JudySLDel(&array_, text(key), nullptr) == 1; }
  [[nodiscard]] std::uint64_t scan() {
    std::uint8_t key[512] = {};  // the longest key and its end
    std::uint64_t sum = 0;
    for (void** at = JudySLFirst(array_, key, nullptr); at != nullptr; at = JudySLNext(array_, key, nullptr))
      sum += *reinterpret_cast<const Word_t*>(at);
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_used() { return malloced_.bytes(); }

 private:
  /// All keys of the benchmark are strings that end with a zero.
  static const std::uint8_t* text(std::string_view key) {
    return reinterpret_cast<const std::uint8_t*>(key.data());
  }
  Malloced malloced_;
  void* array_ = nullptr;
};

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  return radish::bench::run(count, words, [](const std::string& set) {
    if (set == "rand8" || set == "seq8") radish::bench::add_operations<radish::bench::JudyLStore>(set);
    if (set == "words" || set == "paths") radish::bench::add_operations<radish::bench::JudySLStore>(set);
  });
}
