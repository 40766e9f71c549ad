// Integer maps in tests, each beside what it must hold.
#pragma once

#include <map>

#include "radish/integer_map.hpp"
#include "trees.h"

namespace radish::tests {

using Numbers = std::map<std::uint64_t, std::uint64_t>;
using Number = std::optional<std::uint64_t>;

inline constexpr std::uint64_t number_max = UINT64_MAX;
constexpr std::uint64_t key_max(unsigned depth) { return number_max >> (64 - 4 * depth); }

inline std::optional<IntegerEntry> entry_of(const Numbers& numbers, Numbers::const_iterator at) {
  return at == numbers.end() ? std::nullopt : std::optional(IntegerEntry{at->first, at->second});
}
/// The last one whose key is not greater.
inline std::optional<IntegerEntry> predecessor_in(const Numbers& numbers, std::uint64_t bound) {
  const auto behind = numbers.upper_bound(bound);
  return behind == numbers.begin() ? std::nullopt : entry_of(numbers, std::prev(behind));
}

/// All entries, as a cursor meets them in one direction.
inline Numbers scan(const IntegerMap& map, bool forward = true) {
  IntegerCursor cursor = take(map.cursor());
  if (!forward) cursor.seek_end();
  Numbers met;
  for (Number last;;) {
    const auto entry = take(forward ? cursor.next() : cursor.previous());
    if (!entry) return met;
    if (last && (forward ? entry->key <= *last : entry->key >= *last))
      throw std::runtime_error("keys out of order");
    last = entry->key;
    met.emplace(entry->key, entry->value);
  }
}

/// What a map answers about a key and its neighbourhood.
inline void expect_answers(const IntegerMap& map, const Numbers& numbers, std::uint64_t key) {
  const auto at = numbers.find(key);
  EXPECT_EQ(take(map.find(key)), at == numbers.end() ? std::nullopt : Number(at->second)) << key;
  EXPECT_EQ(take(map.contains(key)), at != numbers.end()) << key;
  EXPECT_EQ(take(map.lower_bound(key)), entry_of(numbers, numbers.lower_bound(key))) << key;
  EXPECT_EQ(take(map.predecessor(key)), predecessor_in(numbers, key)) << key;
}

/// The map holds exactly these, by every question, and the segment is whole.
inline void expect_holds(const IntegerMap& map, const Numbers& numbers) {
  EXPECT_EQ(scan(map), numbers);
  EXPECT_EQ(scan(map, false), numbers);
  EXPECT_EQ(take(map.count()), numbers.size());
  const std::uint64_t greatest = key_max(map.depth());
  for (const std::uint64_t key : {std::uint64_t{0}, greatest}) expect_answers(map, numbers, key);
  for (const auto& [key, value] : numbers) {
    expect_answers(map, numbers, key);
    if (key > 0) expect_answers(map, numbers, key - 1);
    if (key < greatest) expect_answers(map, numbers, key + 1);
  }
  EXPECT_TRUE(is_done(map.segment().verify()));
}

inline std::uint64_t blocks_in_use(const Segment& segment) {
  const Stats stats = take(segment.tree().stats());
  return stats.blocks - stats.blocks_retired;
}

/// A segment with one map in it.
struct MapPlace {
  explicit MapPlace(unsigned depth = 16, std::uint64_t capacity_bytes = std::uint64_t{1} << 20)
      : segment(take(Segment::create_memfd("map", {.capacity_bytes = capacity_bytes, .reader_slots = 16}))),
        map(take(segment.integer_map("map", {.depth = depth}))) {}

  void put(std::uint64_t key, std::uint64_t value) {
    EXPECT_EQ(take(map.insert(key, value)), !numbers.contains(key)) << key;
    numbers[key] = value;
  }
  void remove(std::uint64_t key) { EXPECT_EQ(take(map.erase(key)), numbers.erase(key) == 1) << key; }
  /// The map through another attachment.
  [[nodiscard]] IntegerMap again() const {
    return take(take(Segment::open_descriptor(segment.descriptor())).integer_map("map"));
  }

  Segment segment;
  IntegerMap map;
  Numbers numbers;
};

}  // namespace radish::tests
