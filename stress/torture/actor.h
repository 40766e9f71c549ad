// What every kind of strand works with: the tree, the ledger, its own choices; and how it complains.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "radish/tree.hpp"
#include "torture/ledger.h"
#include "torture/plan.h"

namespace radish::stress::torture {

/// What an operation needs that the world may refuse.
enum class Needs { lock, room, slot };

/// What the process of an actor is like.
struct Surroundings {
  bool has_deadline;  ///< of its attachment
  bool has_siblings;  ///< other threads
};

class Actor {
 public:
  Actor(const Ledger& ledger, std::uint32_t strand, Tree tree, Random random, Surroundings surroundings)
      : ledger_(ledger),
        strand_(strand),
        tree_(std::move(tree)),
        random_(random),
        surroundings_(surroundings) {}

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] Strand& strand() const { return ledger_.strand(strand_); }
  [[nodiscard]] std::uint32_t strand_index() const { return strand_; }
  [[nodiscard]] Tree& tree() { return tree_; }
  [[nodiscard]] Random& random() { return random_; }

  void does(Activity activity) const { strand().activity.store(activity, std::memory_order_relaxed); }
  void count(Count kind, std::uint64_t amount = 1) const { strand().add(kind, amount); }

  /// Versions that the key may have had so far; then `until_now` says which it may have had meanwhile.
  [[nodiscard]] Version acknowledged(KeyId key) const {
    return ledger_.state(key).acknowledged.load(std::memory_order_acquire);
  }
  [[nodiscard]] Interval until_now(KeyId key, Version low) const {
    return {low, ledger_.state(key).intended.load(std::memory_order_acquire)};
  }
  [[nodiscard]] KeyId any_key() { return static_cast<KeyId>(random_.below(ledger_.keys())); }

  /// True if it succeeded; false if it was refused as this round allows. Anything else is a violation.
  template <class T>
  [[nodiscard]] bool accepted(const Result<T>& result, Needs needs, std::string_view what) const {
    if (result) return true;
    if (!tolerates(result.error(), needs))
      fail("{} failed with code {}: {}", what, static_cast<int>(result.error().code), result.error().message);
    return false;
  }

  /// Reports a violation, and keeps the process as it is for the coordinator to look at and to end.
  template <class... Arguments>
  [[noreturn]] void fail(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    fail_with(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  /// "key ..., versions 3 to 5, period 2".
  [[nodiscard]] std::string describe(KeyId key, Interval at) const;
  [[nodiscard]] std::string describe(std::optional<std::uint64_t> answer) const;
  /// Fails unless the answer is one that the key may have given.
  void judge(KeyId key, Interval at, std::optional<std::uint64_t> answer, std::string_view what) const;

 private:
  [[nodiscard]] bool tolerates(const Error& error, Needs needs) const;
  [[noreturn]] void fail_with(const std::string& text) const;

  const Ledger& ledger_;
  std::uint32_t strand_;
  Tree tree_;
  Random random_;
  Surroundings surroundings_;
};

}  // namespace radish::stress::torture
