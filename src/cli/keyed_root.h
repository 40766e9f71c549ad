// A root of either kind, behind keys that are text: those of a tree are bytes, those of an integer map the
// decimal digits of a number.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "failure.h"
#include "radish/integer_map.hpp"
#include "text.h"

namespace radish::cli {

/// The number that a key of an integer map spells; `invalid_argument`.
[[nodiscard]] Result<std::uint64_t> number_of(std::string_view key);

/// Walks a root as its own cursor does. The key of an entry is valid until the next step.
class KeyedCursor {
 public:
  explicit KeyedCursor(Cursor cursor) : cursor_(std::move(cursor)) {}
  explicit KeyedCursor(IntegerCursor cursor) : cursor_(std::move(cursor)) {}

  void seek(std::string_view bound);
  void seek_end();
  [[nodiscard]] Result<std::optional<Entry>> next();
  [[nodiscard]] Result<std::optional<Entry>> previous();
  /// Whether the walk meets `key` after `bound`.
  [[nodiscard]] bool is_behind(std::string_view key, std::string_view bound) const;

 private:
  [[nodiscard]] Result<std::optional<Entry>> keyed(Result<std::optional<Entry>> entry) { return entry; }
  [[nodiscard]] Result<std::optional<Entry>> keyed(Result<std::optional<IntegerEntry>> entry);

  std::variant<Cursor, IntegerCursor> cursor_;
  std::string digits_;  ///< of the entry that was met last
};

class KeyedRoot {
 public:
  explicit KeyedRoot(Tree tree) : root_(std::move(tree)) {}
  explicit KeyedRoot(IntegerMap map) : root_(std::move(map)) {}

  [[nodiscard]] bool is_map() const { return std::holds_alternative<IntegerMap>(root_); }

  [[nodiscard]] Result<bool> insert(std::string_view key, std::uint64_t value) {
    return with_key(key, [&](auto& root, auto its) { return root.insert(its, value); });
  }
  [[nodiscard]] Result<bool> insert_new(std::string_view key, std::uint64_t value) {
    return with_key(key, [&](auto& root, auto its) { return root.insert_new(its, value); });
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> find(std::string_view key) {
    return with_key(key, [](auto& root, auto its) { return root.find(its); });
  }
  [[nodiscard]] Result<bool> erase(std::string_view key) {
    return with_key(key, [](auto& root, auto its) { return root.erase(its); });
  }
  [[nodiscard]] Result<void> clear() {
    return std::visit([](auto& root) { return root.clear(); }, root_);
  }
  [[nodiscard]] Result<std::uint64_t> count() const {
    return std::visit([](const auto& root) { return root.count(); }, root_);
  }
  /// Of the keys that start with a prefix; an integer map has no such question, but for the empty one.
  [[nodiscard]] KeyedCursor cursor(std::string_view prefix = {}) const;
  [[nodiscard]] Segment segment() const {
    return std::visit([](const auto& root) { return root.segment(); }, root_);
  }

 private:
  template <class Ask>
  auto with_key(std::string_view key, Ask ask) -> decltype(ask(std::declval<Tree&>(), key)) {
    if (auto* tree = std::get_if<Tree>(&root_)) return ask(*tree, key);
    const auto number = number_of(key);
    if (!number) return std::unexpected(number.error());
    return ask(std::get<IntegerMap>(root_), *number);
  }

  std::variant<Tree, IntegerMap> root_;
};

}  // namespace radish::cli
