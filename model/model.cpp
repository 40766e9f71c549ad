#include "model/model.h"

#include <algorithm>
#include <iterator>

namespace radish::model {

namespace {

std::size_t common_prefix_bytes(std::string_view left, std::string_view right) {
  return static_cast<std::size_t>(std::ranges::mismatch(left, right).in1 - left.begin());
}

}  // namespace

Map::const_iterator first_behind(const Map& map, const Position& position) {
  if (position.side == Position::Side::end) return map.end();
  return position.side == Position::Side::before ? map.lower_bound(position.key)
                                                 : map.upper_bound(position.key);
}

Map::const_iterator end_of_prefix(const Map& map, std::string_view prefix) {
  std::string successor(prefix);
  while (!successor.empty() && successor.back() == '\xff') successor.pop_back();
  if (successor.empty()) return map.end();
  successor.back() = static_cast<char>(static_cast<unsigned char>(successor.back()) + 1);
  return map.lower_bound(successor);
}

std::optional<KeyValue> ModelCursor::next() {
  auto found = first_behind(*map_, position_);
  if (found != map_->end() && found->first < prefix_) found = map_->lower_bound(prefix_);
  if (found == map_->end() || !found->first.starts_with(prefix_)) {
    position_ = {Position::Side::end, {}};
    return std::nullopt;
  }
  position_ = {Position::Side::behind, found->first};
  return *found;
}

std::optional<KeyValue> ModelCursor::previous() {
  auto found = first_behind(*map_, position_);
  const auto last = end_of_prefix(*map_, prefix_);
  if (found == map_->end() || (last != map_->end() && last->first < found->first)) found = last;
  if (found == map_->begin() || !std::prev(found)->first.starts_with(prefix_)) {
    position_ = {Position::Side::before, {}};
    return std::nullopt;
  }
  --found;
  position_ = {Position::Side::before, found->first};
  return *found;
}

bool Model::insert(std::string_view key, std::uint64_t value) {
  return map_.insert_or_assign(std::string(key), value).second;
}

bool Model::insert_new(std::string_view key, std::uint64_t value) {
  return map_.emplace(std::string(key), value).second;
}

Exchange Model::compare_exchange(std::string_view key, std::uint64_t expected, std::uint64_t desired) {
  const auto found = map_.find(key);
  if (found == map_.end()) return {false, std::nullopt};
  const std::uint64_t actual = found->second;
  if (actual == expected) found->second = desired;
  return {actual == expected, actual};
}

std::optional<std::uint64_t> Model::fetch_add(std::string_view key, std::uint64_t delta) {
  const auto [place, is_new] = map_.emplace(std::string(key), delta);
  if (is_new) return std::nullopt;
  const std::uint64_t before = place->second;
  place->second += delta;
  return before;
}

bool Model::erase(std::string_view key) {
  const auto found = map_.find(key);
  if (found == map_.end()) return false;
  map_.erase(found);
  return true;
}

std::uint64_t Model::erase_prefix(std::string_view prefix) {
  const std::size_t before = map_.size();
  map_.erase(map_.lower_bound(prefix), end_of_prefix(map_, prefix));
  return before - map_.size();
}

std::optional<std::uint64_t> Model::find(std::string_view key) const {
  const auto found = map_.find(key);
  if (found == map_.end()) return std::nullopt;
  return found->second;
}

std::optional<Match> Model::longest_prefix(std::string_view query) const {
  // The greatest key that is not above the query either is its prefix, or bounds how much of the query any
  // stored prefix can cover.
  while (true) {
    auto found = map_.upper_bound(query);
    if (found == map_.begin()) return std::nullopt;
    --found;
    if (query.starts_with(found->first)) return Match{found->second, found->first.size()};
    query = query.substr(0, common_prefix_bytes(query, found->first));
  }
}

std::vector<Match> Model::prefixes(std::string_view query) const {
  std::vector<Match> matches;
  while (const auto match = longest_prefix(query)) {
    matches.push_back(*match);
    if (match->length == 0) break;
    query = query.substr(0, match->length - 1);
  }
  std::ranges::reverse(matches);
  return matches;
}

}  // namespace radish::model
