// What is explored: a structure that holds something, and what a process does to it as it dies.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crashpoints/subject.h"
#include "model/answer.h"
#include "model/cases.h"
#include "model/model.h"
#include "model/operation.h"

namespace radish::crashpoints {

using model::Case;
using model::Model;
using model::Operation;

/// Of a mutation of the model's.
[[nodiscard]] Call call_of(const Operation& operation);
/// True if the reply is the model's answer.
[[nodiscard]] bool agrees(const Reply& reply, const model::Answer& answer);
[[nodiscard]] std::string to_text(const Reply& reply);

/// What a structure may hold when a process has died in a mutation.
struct Truth {
  Model before;
  Model after;
  model::Answer answer;  ///< of the mutation, if it comes to its end
  /// If the mutation is `refused`, nothing comes of it.
  Truth(std::span<const Operation> stored, const Operation& mutation, bool refused = false);
  explicit Truth(const Case& explored) : Truth(explored.base, explored.mutation) {}
};

/// Which of the two it shows, or may show.
struct Shown {
  bool before = true;
  bool after = true;
  [[nodiscard]] bool neither() const { return !before && !after; }
  friend Shown operator&(Shown a, Shown b) { return {a.before && b.before, a.after && b.after}; }
};

/// True if it holds what the model holds, in order and key by key, and counts so many.
[[nodiscard]] bool shows_exactly(const Subject& subject, Handle* handle, const Model& model);

/// Asks for everything: all in order, each key that either map holds, prefixes, the count.
class Inquiry {
 public:
  Inquiry(const Truth& truth, const Operation& mutation);
  /// An error of the subject's is neither.
  [[nodiscard]] Shown ask(const Subject& subject, Handle* handle) const;
  /// The count alone: of the first map, of the second.
  [[nodiscard]] Shown count(const Subject& subject, Handle* handle) const;

 private:
  struct Question {
    std::string key;
    std::optional<std::uint64_t> before, after;
    std::string query;  ///< for the longest prefix
    std::optional<Match> prefix_before, prefix_after;
  };
  using Entries = std::vector<model::KeyValue>;
  void look_up(const Subject& subject, Handle* handle, const Question& question, Shown& shown) const;

  Entries before_, after_;
  std::vector<Question> questions_;
};

}  // namespace radish::crashpoints
