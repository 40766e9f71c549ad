#include "keyed_root.h"

#include <fmt/format.h>

namespace radish::cli {

Result<std::uint64_t> number_of(std::string_view key) {
  const auto number = parse_number(key);
  if (number) return *number;
  std::string text;
  append_escaped(text, key);
  return std::unexpected(
      Error{Code::invalid_argument,
            fmt::format("'{}' is no key of an integer map: a number from 0 to 2^64 - 1", text)});
}

void KeyedCursor::seek(std::string_view bound) {
  if (auto* cursor = std::get_if<Cursor>(&cursor_)) return cursor->seek(bound);
  std::get<IntegerCursor>(cursor_).seek(must(number_of(bound)));
}

void KeyedCursor::seek_end() {
  std::visit([](auto& cursor) { cursor.seek_end(); }, cursor_);
}

Result<std::optional<Entry>> KeyedCursor::keyed(Result<std::optional<IntegerEntry>> entry) {
  if (!entry) return std::unexpected(std::move(entry.error()));
  const auto& there = *entry;
  if (!there) return std::nullopt;
  digits_ = std::to_string(there->key);
  return Entry{digits_, there->value};
}

Result<std::optional<Entry>> KeyedCursor::next() {
  return std::visit([this](auto& cursor) { return keyed(cursor.next()); }, cursor_);
}

Result<std::optional<Entry>> KeyedCursor::previous() {
  return std::visit([this](auto& cursor) { return keyed(cursor.previous()); }, cursor_);
}

bool KeyedCursor::is_behind(std::string_view key, std::string_view bound) const {
  if (std::holds_alternative<Cursor>(cursor_)) return key > bound;
  return must(number_of(key)) > must(number_of(bound));
}

KeyedCursor KeyedRoot::cursor(std::string_view prefix) const {
  if (const auto* tree = std::get_if<Tree>(&root_)) return KeyedCursor(must(tree->cursor(prefix)));
  if (!prefix.empty()) throw Failure(exit_usage, "the keys of an integer map have no prefixes");
  return KeyedCursor(must(std::get<IntegerMap>(root_).cursor()));
}

}  // namespace radish::cli
