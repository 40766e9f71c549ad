// A cursor that rests while the tree below it changes, and what it may answer: in order, every key that was
// there ever since it was placed, no key and no value that was not there at some moment since.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/operation.h"
#include "model/run.h"

namespace radish::model {

class Runner::RestingCursor {
 public:
  RestingCursor(Cursor cursor, std::string prefix) : cursor_(std::move(cursor)), prefix_(std::move(prefix)) {}

  void seek(const std::optional<std::string>& bound);
  /// Called before a mutation is made to the model: remembers what it may take away.
  void note(const Model& model, const Operation& operation);
  /// One step; what is wrong with its answer.
  [[nodiscard]] std::optional<std::string> advance(const Model& model, bool forward);
  /// The last step met nothing.
  [[nodiscard]] bool exhausted() const { return exhausted_; }

 private:
  using States = std::vector<std::optional<std::uint64_t>>;

  [[nodiscard]] std::optional<std::string> judge(const Model& model, const KeyValue& met, bool forward);
  [[nodiscard]] std::optional<std::string> judge_end(const Model& model, bool forward);
  /// A key that was there throughout, from `first` up to `last`: it should have been met.
  [[nodiscard]] std::optional<std::string> passed_over(const Map& map, Map::const_iterator first,
                                                       Map::const_iterator last) const;
  [[nodiscard]] bool was_there(const Model& model, const KeyValue& met) const;

  Cursor cursor_;
  std::string prefix_;
  // Where the cursor may rest: one place, but for after an end, where keys may have come up behind it.
  Position lowest_;
  Position highest_;
  std::map<std::string, States, std::less<>> earlier_;
  bool exhausted_ = false;
};

}  // namespace radish::model
