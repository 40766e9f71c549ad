// radish_bench_growth: what a lookup and a key cost as the tree grows, with random 8-byte keys that are
// computed and not stored, so that the memory is the tree's. One line of JSON for each size.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "measure.h"
#include "numbered_key.h"
#include "stores/radish.h"

namespace radish::bench {
namespace {

constexpr std::size_t together = 256;

/// Nanoseconds a key; the median of five stretches, in which `ask(numbers)` looks up so many keys at random
/// and says how many answers were wrong.
template <class Ask>
double find_ns(std::uint64_t keys, Ask ask) {
  constexpr std::uint64_t finds = 200'000 / together * together;
  constexpr std::uint64_t stride = 0x9e3779b97f4a7c15;
  std::vector<double> stretches;
  std::array<std::uint64_t, together> numbers;
  std::uint64_t at = 0;
  std::uint64_t wrong = 0;
  for (int stretch = 0; stretch < 5; ++stretch) {
    const double start = cpu_ns();
    for (std::uint64_t done = 0; done < finds; done += together) {
      for (std::uint64_t& number : numbers) number = (at += stride) % keys;
      wrong += ask(numbers);
    }
    stretches.push_back((cpu_ns() - start) / static_cast<double>(finds));
  }
  if (wrong != 0) throw std::runtime_error("an answer was wrong");
  return median(stretches);
}

double one_by_one_ns(RadishStore& store, std::uint64_t keys) {
  return find_ns(keys, [&](const auto& numbers) {
    std::uint64_t wrong = 0;
    for (const std::uint64_t number : numbers) wrong += store.find(Key(number).view()) == number ? 0U : 1U;
    return wrong;
  });
}

double together_ns(RadishStore& store, std::uint64_t keys) {
  return find_ns(keys, [&](const auto& numbers) {
    std::vector<Key> drawn(numbers.begin(), numbers.end());
    std::array<std::string_view, together> views;
    std::array<std::optional<std::uint64_t>, together> values;
    for (std::size_t index = 0; index < together; ++index) views[index] = drawn[index].view();
    store.find_batch(views, values);
    std::uint64_t wrong = 0;
    for (std::size_t index = 0; index < together; ++index) wrong += values[index] == numbers[index] ? 0U : 1U;
    return wrong;
  });
}

void grow(std::uint64_t keys_max, bool huge_pages) {
  RadishStore store({.huge_pages = huge_pages});
  std::uint64_t keys = 0;
  for (std::uint64_t size = 10'000;; size = std::min(size * 2, keys_max)) {
    const std::uint64_t before = keys;
    const double start = cpu_ns();
    for (; keys < size; ++keys) store.insert(Key(keys).view(), keys);
    const double insert_ns = (cpu_ns() - start) / static_cast<double>(keys - before);
    fmt::print(
        R"({{"keys": {}, "find_ns": {:.1f}, "find_batch_ns": {:.1f}, "insert_ns": {:.1f}, "bytes_per_key": {:.2f}}})"
        "\n",
        keys, one_by_one_ns(store, keys), together_ns(store, keys), insert_ns,
        static_cast<double>(store.bytes_used()) / static_cast<double>(keys));
    std::fflush(stdout);
    if (size == keys_max) return;
  }
}

}  // namespace
}  // namespace radish::bench

int main(int count, char** words) {
  CLI::App program("Measures lookups in a tree that grows.");
  std::uint64_t keys_max = 50'000'000;
  program.add_option("--keys-max", keys_max, "how far")->capture_default_str();
  bool huge_pages = false;
  program.add_flag("--huge-pages", huge_pages, "ask for pages of 2 MiB");
  CLI11_PARSE(program, count, words);
  radish::bench::grow(keys_max, huge_pages);
}
