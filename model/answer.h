// What an operation answers, from a tree and from the model in one shape, so that the two compare.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/operation.h"
#include "radish/tree.hpp"

namespace radish::model {

struct Answer {
  std::optional<Code> refusal{};
  std::string message{};     ///< of the refusal; not compared
  std::uint64_t number = 0;  ///< a count, or 1 for true
  std::optional<std::uint64_t> value{};
  std::vector<Match> matches{};
  std::vector<KeyValue> entries{};

  bool operator==(const Answer& other) const {
    return refusal == other.refusal && number == other.number && value == other.value &&
           matches == other.matches && entries == other.entries;
  }
};

[[nodiscard]] std::string to_text(const Answer& answer);

/// True for the kinds that are one call, or one cursor's life: insert to walk. The others concern more than
/// one answer, and the Runner knows what they mean.
[[nodiscard]] constexpr bool is_single(Kind kind) { return kind <= Kind::walk; }
[[nodiscard]] constexpr bool is_mutation(Kind kind) { return kind <= Kind::clear; }

/// Only for kinds that are single.
[[nodiscard]] Answer perform(Tree& tree, const Operation& operation);
/// The same of the model. A key that is too long to be stored is refused as the tree must refuse it.
[[nodiscard]] Answer perform(Model& model, const Operation& operation);

/// True if the tree may give this answer where the model gives `expected`: the same one; or, asked about a
/// key that is too long to be there, the code that says so.
[[nodiscard]] bool agrees(const Operation& operation, const Answer& expected, const Answer& got);

}  // namespace radish::model
