// One key that is looked up together with others, which nothing is asked about.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "radish/tree.hpp"

namespace radish::tests {

/// What a batch of lookups answers to the key: `ask(keys, answers)` is given it between keys that are absent.
template <class Answer, class Ask>
Result<std::optional<Answer>> among_others(std::string_view key, Ask ask) {
  std::vector<std::string_view> keys(50, "no such key");
  const std::size_t place = 41;  // in the second group
  keys[place] = key;
  std::vector<std::optional<Answer>> answers(keys.size());
  if (auto asked = ask(keys, answers); !asked) return std::unexpected(asked.error());
  return answers[place];
}

inline Result<std::optional<std::uint64_t>> find_among_others(const Tree& tree, std::string_view key) {
  return among_others<std::uint64_t>(
      key, [&](const auto& keys, auto& answers) { return tree.find_batch(keys, answers); });
}
inline Result<std::optional<Match>> longest_prefix_among_others(const Tree& tree, std::string_view key) {
  return among_others<Match>(
      key, [&](const auto& keys, auto& answers) { return tree.longest_prefix_batch(keys, answers); });
}

}  // namespace radish::tests
