// What a tree must answer, said with std::map: every public operation of radish::Tree, with the same meaning
// and none of its failures. Keys of any length are taken; refusals are the caller's business.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "radish/tree.hpp"

namespace radish::model {

using Map = std::map<std::string, std::uint64_t, std::less<>>;
using KeyValue = std::pair<std::string, std::uint64_t>;

/// A place between two keys.
struct Position {
  enum class Side : std::uint8_t { before, behind, end };
  Side side = Side::before;
  std::string key;

  /// True if a cursor that rests here meets `other` going forward, false if going backward.
  [[nodiscard]] bool is_before(std::string_view other) const {
    return side != Side::end && (side == Side::before ? key <= other : key < other);
  }
};

/// The first key of the map behind a position.
[[nodiscard]] Map::const_iterator first_behind(const Map& map, const Position& position);
/// The first key that is greater than every key with this prefix.
[[nodiscard]] Map::const_iterator end_of_prefix(const Map& map, std::string_view prefix);

/// Like radish::Cursor, but unbatched: it sees every change at once.
class ModelCursor {
 public:
  ModelCursor(const Map& map, std::string_view prefix) : map_(&map), prefix_(prefix) {}

  void seek(std::string_view bound) { position_ = {Position::Side::before, std::string(bound)}; }
  void seek_end() { position_ = {Position::Side::end, {}}; }
  [[nodiscard]] std::optional<KeyValue> next();
  [[nodiscard]] std::optional<KeyValue> previous();

 private:
  const Map* map_;
  std::string prefix_;
  Position position_;
};

class Model {
 public:
  bool insert(std::string_view key, std::uint64_t value);
  bool insert_new(std::string_view key, std::uint64_t value);
  Exchange compare_exchange(std::string_view key, std::uint64_t expected, std::uint64_t desired);
  std::optional<std::uint64_t> fetch_add(std::string_view key, std::uint64_t delta);
  bool erase(std::string_view key);
  std::uint64_t erase_prefix(std::string_view prefix);
  void clear() { map_.clear(); }

  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) const;
  [[nodiscard]] bool contains(std::string_view key) const { return map_.contains(key); }
  [[nodiscard]] std::optional<Match> longest_prefix(std::string_view query) const;
  [[nodiscard]] std::vector<Match> prefixes(std::string_view query) const;
  [[nodiscard]] std::uint64_t count() const { return map_.size(); }
  [[nodiscard]] ModelCursor cursor(std::string_view prefix = {}) const { return {map_, prefix}; }

  [[nodiscard]] const Map& map() const { return map_; }

 private:
  Map map_;
};

}  // namespace radish::model
