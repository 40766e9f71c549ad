// Ordered walks: in order, each key once, every key that was there throughout, none that was absent
// throughout. Some rest between two steps of their strand, or see their owner write meanwhile; some turn
// round.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "torture/actor.h"

namespace radish::stress::torture {

class Iterator {
 public:
  explicit Iterator(Actor& actor) : actor_(actor) {}
  void step();
  /// Called between two entries of a walk now and then.
  void set_interruption(std::function<void()> interruption) { interruption_ = std::move(interruption); }

 private:
  /// Ids from `first` up to, not including, `end`; with the versions that they had before.
  struct Window {
    KeyId first;
    KeyId end;
    std::vector<Version> low;
    std::vector<std::optional<std::uint64_t>> found;
  };
  /// One walk, as far as its window: what is outside of that only ends it.
  struct Walk {
    Cursor cursor;
    Window window;
    bool forward;
    KeyId last;  ///< id of the entry shown last; where nothing was shown yet, beyond which the first one lies
  };
  enum class Pace { goes_on, is_over, is_refused };

  [[nodiscard]] Window open_window(KeyId first, KeyId end) const;
  /// From a random key, or the end, to a window's other side; none if it was refused.
  [[nodiscard]] std::optional<Walk> begin_walk();
  /// Over all keys with a prefix.
  [[nodiscard]] std::optional<Walk> begin_walk_of_prefix();
  /// One entry.
  [[nodiscard]] Pace go_on(Walk& walk);
  /// To the end, or to a rest between two entries.
  void run(Walk walk);
  /// Goes some entries back, which ends the walk.
  void turn_round(Walk& walk);
  /// Id of an entry; fails if it is no key.
  [[nodiscard]] KeyId id_of(const Entry& entry) const;
  void judge_order(const Walk& walk, KeyId key) const;
  /// All of the window's ids are as they may have been.
  void judge(const Window& window) const;

  Actor& actor_;
  std::function<void()> interruption_;
  std::optional<Walk> resting_;
};

}  // namespace radish::stress::torture
