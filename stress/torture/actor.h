// What every kind of strand works with: the tree, the ledger, its own choices; and how it complains.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "radish/tree.hpp"
#include "torture/ledger.h"
#include "torture/plan.h"

namespace radish::stress::torture {

/// Reports a violation that a strand has found, and keeps its process as it is for the coordinator to look at
/// and to end.
[[noreturn]] void complain(const Ledger& ledger, std::uint32_t strand, std::string_view text);

/// What an operation needs that the world may refuse.
enum class Needs { lock, room, slot };

/// What the process of an actor is like.
struct Surroundings {
  std::uint64_t lock_timeout_ms;  ///< of its attachment; 0: none
  bool has_siblings;              ///< other threads
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
  /// For one call, whose waiting is counted from here on.
  [[nodiscard]] Tree& tree() {
    begun_ns_ = now_ns();
    return tree_;
  }
  [[nodiscard]] Random& random() { return random_; }

  void does(Activity activity) const { strand().activity.store(activity, std::memory_order_relaxed); }
  void count(Count kind, std::uint64_t amount = 1) const { strand().add(kind, amount); }

  /// The version that the key has reached for certain: what is asked from here on shows nothing older. Then
  /// `until_now` says which versions it may have had meanwhile.
  [[nodiscard]] Version reached(KeyId key) const {
    return std::max(ledger_.acknowledged(key), ledger_.state(key).seen.load(std::memory_order_acquire));
  }
  [[nodiscard]] Interval until_now(KeyId key, Version low) const {
    return until(key, low, ledger_.intended(key));
  }
  /// The same, of a moment at which `high` was the newest that was begun.
  [[nodiscard]] Interval until(KeyId key, Version low, Version high) const {
    const bool leaps = ledger_.record(key).sort != Sort::shared;
    return {low, high, leaps ? ledger_.acknowledged(key) : high};
  }
  [[nodiscard]] KeyId any_key() { return static_cast<KeyId>(random_.below(ledger_.keys())); }
  /// Often one that is being changed right now.
  [[nodiscard]] KeyId any_key_to_ask_for();

  /// True if it succeeded; false if it was refused as this round allows. Anything else is a violation.
  template <class T>
  [[nodiscard]] bool accepted(const Result<T>& result, Needs needs, std::string_view what) const {
    if (result) return true;
    if (!tolerates(result.error(), needs))
      fail("{} failed with code {}: {}", what, static_cast<int>(result.error().code), result.error().message);
    return false;
  }

  template <class... Arguments>
  [[noreturn]] void fail(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    complain(ledger_, strand_, fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  /// "key ..., versions 3 to 5, period 2".
  [[nodiscard]] std::string describe(KeyId key, Interval at) const;
  /// Fails unless the answer is one that the key may have given. What it shows for certain is seen.
  void judge(KeyId key, Interval at, std::optional<std::uint64_t> answer, std::string_view what) const;

 private:
  void judge_timeout(const Error& error) const;
  [[nodiscard]] bool tolerates(const Error& error, Needs needs) const;

  const Ledger& ledger_;
  std::uint32_t strand_;
  Tree tree_;
  Random random_;
  Surroundings surroundings_;
  std::uint64_t begun_ns_ = 0;
};

}  // namespace radish::stress::torture
