#include "model/resting.h"

#include <algorithm>

namespace radish::model {

namespace {

bool precedes(Map::const_iterator left, Map::const_iterator right, const Map& map) {
  if (left == map.end()) return false;
  return right == map.end() || left->first < right->first;
}

bool contains(const std::vector<std::optional<std::uint64_t>>& states, std::optional<std::uint64_t> state) {
  return std::ranges::find(states, state) != states.end();
}

}  // namespace

void Runner::RestingCursor::seek(const std::optional<std::string>& bound) {
  if (bound)
    cursor_.seek(*bound);
  else
    cursor_.seek_end();
  lowest_ = bound ? Position{Position::Side::before, *bound} : Position{Position::Side::end, {}};
  highest_ = lowest_;
  earlier_.clear();
}

void Runner::RestingCursor::note(const Model& model, const Operation& operation) {
  const bool many = operation.kind == Kind::erase_prefix || operation.kind == Kind::clear;
  if (!many) {
    earlier_[operation.key].push_back(model.find(operation.key));
    return;
  }
  const std::string_view prefix = operation.kind == Kind::clear ? std::string_view{} : operation.key;
  const auto last = end_of_prefix(model.map(), prefix);
  for (auto erased = model.map().lower_bound(prefix); erased != last; ++erased) {
    earlier_[erased->first].push_back(erased->second);
    earlier_[erased->first].push_back(std::nullopt);
  }
}

std::optional<std::string> Runner::RestingCursor::advance(const Model& model, bool forward) {
  const auto step = forward ? cursor_.next() : cursor_.previous();
  if (!step) return "a refusal: " + step.error().message;
  exhausted_ = !*step;
  if (!*step) return judge_end(model, forward);
  return judge(model, KeyValue((*step)->key, (*step)->value), forward);
}

std::optional<std::string> Runner::RestingCursor::judge(const Model& model, const KeyValue& met,
                                                        bool forward) {
  const std::string& key = met.first;
  if (!key.starts_with(prefix_)) return quote_short(key) + ", which has another prefix";
  if (!was_there(model, met)) return quote_short(key) + " = " + std::to_string(met.second) + ", never there";
  if (forward ? !lowest_.is_before(key) : highest_.is_before(key))
    return quote_short(key) + ", which lies behind";
  const auto problem =
      forward ? passed_over(model.map(), first_behind(model.map(), highest_), model.map().lower_bound(key))
              : passed_over(model.map(), model.map().upper_bound(key), first_behind(model.map(), lowest_));
  lowest_ = {forward ? Position::Side::behind : Position::Side::before, key};
  highest_ = lowest_;
  return problem;
}

std::optional<std::string> Runner::RestingCursor::judge_end(const Model& model, bool forward) {
  const Map& map = model.map();
  if (forward) {
    const auto problem = passed_over(map, first_behind(map, highest_), end_of_prefix(map, prefix_));
    highest_ = {Position::Side::end, {}};
    return problem;
  }
  const auto problem = passed_over(map, map.begin(), first_behind(map, lowest_));
  lowest_ = {};
  return problem;
}

std::optional<std::string> Runner::RestingCursor::passed_over(const Map& map, Map::const_iterator first,
                                                              Map::const_iterator last) const {
  const auto lowest = map.lower_bound(prefix_);
  const auto highest = end_of_prefix(map, prefix_);
  if (precedes(first, lowest, map)) first = lowest;
  if (precedes(highest, last, map)) last = highest;
  for (; precedes(first, last, map); ++first) {
    const auto found = earlier_.find(first->first);
    const bool throughout = found == earlier_.end() || !contains(found->second, std::nullopt);
    if (throughout) return quote_short(first->first) + " passed over";
  }
  return std::nullopt;
}

bool Runner::RestingCursor::was_there(const Model& model, const KeyValue& met) const {
  if (model.find(met.first) == met.second) return true;
  const auto found = earlier_.find(met.first);
  return found != earlier_.end() && contains(found->second, met.second);
}

}  // namespace radish::model
