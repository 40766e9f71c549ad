// All roots of a segment, as one map of maps.
#pragma once

#include <map>
#include <string>

#include "radish/integer_map.hpp"
#include "trees.h"

namespace radish::tests {

using Content = std::map<std::string, std::map<std::string, std::uint64_t>>;

inline std::map<std::string, std::uint64_t> content_of(const Tree& tree) {
  std::map<std::string, std::uint64_t> content;
  Cursor cursor = take(tree.cursor());
  while (const auto entry = take(cursor.next())) content.emplace(entry->key, entry->value);
  if (take(tree.count()) != content.size()) throw std::runtime_error("the count is not the number of keys");
  return content;
}

/// Its keys as text.
inline std::map<std::string, std::uint64_t> content_of(const IntegerMap& map) {
  std::map<std::string, std::uint64_t> content;
  IntegerCursor cursor = take(map.cursor());
  while (const auto entry = take(cursor.next())) content.emplace(std::to_string(entry->key), entry->value);
  if (take(map.count()) != content.size()) throw std::runtime_error("the count is not the number of keys");
  return content;
}

/// The unnamed root's under "", which is no name.
inline Content content_of(Segment& segment) {
  Content content{{"", content_of(segment.tree())}};
  for (const RootInfo& root : take(segment.roots()))
    content[root.name] = root.kind == RootKind::tree
                             ? content_of(take(segment.tree(root.name, {.must_exist = true})))
                             : content_of(take(segment.integer_map(root.name, {.must_exist = true})));
  return content;
}

inline Segment small_segment(std::uint64_t capacity_bytes = 1 << 20, std::uint32_t record_entries = 0) {
  return take(Segment::create_anonymous(
      {.capacity_bytes = capacity_bytes, .reader_slots = 16, .record_entries = record_entries}));
}

}  // namespace radish::tests
