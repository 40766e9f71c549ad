// Drives a tree and the model side by side and compares every answer.
//
// What a run holds a tree to
//   R1  Every answer is the model's answer.
//   R2  An insertion of a new key may be refused for want of room (`full`; `no_space` on a file). Then
//       nothing has changed. Nothing else is ever refused for want of room, nor is anything while most
//       of it is free or ought to be.
//   R3  A resting cursor meets every key that was there ever since it was placed, none that was not, in
//       order. R4  Closing and opening again changes nothing: `attached`, the same generation, the same
//       content.
//   R5  Keys that have been asked for one by one are asked for together too, and the answers are the model's.
//   R6  Content, count and order agree in both directions at the end, and verify() finds nothing.
//   R7  Loading what is there anew changes nothing. It may be refused where the heap has no room for it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/answer.h"
#include "model/model.h"
#include "model/operation.h"
#include "model/source.h"
#include "radish/tree.hpp"

namespace radish::model {

/// A place where tree and model part.
struct Failure {
  std::size_t step = 0;     ///< of the operation in its sequence, from 0
  std::string operation{};  ///< its text, or what the Runner did by itself
  std::string expected{};
  std::string got{};
};

[[nodiscard]] std::string to_text(const Failure& failure);

class Runner {
 public:
  explicit Runner(const Setting& setting);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  /// Creates the segment. Before everything else.
  [[nodiscard]] std::optional<Failure> open();
  [[nodiscard]] std::optional<Failure> step(const Operation& operation);
  /// Another process performed the operation on the same segment: only the model follows.
  void follow(const Operation& operation);
  /// Compares everything (R6).
  [[nodiscard]] std::optional<Failure> finish();

  [[nodiscard]] Tree& tree() { return *handles_[current_]; }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

 private:
  class RestingCursor;

  [[nodiscard]] std::optional<Failure> dispatch(const Operation& operation);
  [[nodiscard]] std::optional<Failure> single(const Operation& operation);
  /// Asks for a key together with others (R5), once they are enough.
  [[nodiscard]] std::optional<Failure> ask_later(const std::string& key);
  [[nodiscard]] std::optional<Failure> ask_together();
  [[nodiscard]] std::optional<Failure> refused(const Operation& operation, const Answer& answer);
  [[nodiscard]] std::optional<Failure> implausible(const Operation& operation, const Answer& answer);
  [[nodiscard]] std::optional<Failure> rest(const Operation& operation);
  [[nodiscard]] std::optional<Failure> view(const Operation& operation);
  [[nodiscard]] std::optional<Failure> view_answers(const std::string& key);
  [[nodiscard]] std::optional<Failure> stats();
  [[nodiscard]] std::optional<Failure> verify();
  [[nodiscard]] std::optional<Failure> reopen();
  [[nodiscard]] std::optional<Failure> switch_handle();
  [[nodiscard]] std::optional<Failure> replace_all();
  [[nodiscard]] std::optional<Failure> compare_all();

  SegmentSource source_;
  std::array<std::optional<Tree>, 2> handles_;
  std::size_t current_ = 0;
  Model model_;
  std::unique_ptr<RestingCursor> resting_;
  std::vector<std::string> asked_;  ///< each once more, together
  std::size_t step_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t refusals_ = 0;
};

/// What runs did, added up.
struct RunTotals {
  std::uint64_t operations = 0;
  std::uint64_t refusals = 0;  ///< for want of room
  std::uint64_t keys_max = 0;  ///< at the end of a sequence
};

/// The whole of a sequence, from an empty segment to the last comparison.
[[nodiscard]] std::optional<Failure> run(const Sequence& sequence, RunTotals* totals = nullptr);

}  // namespace radish::model
