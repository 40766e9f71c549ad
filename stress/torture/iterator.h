// Ordered walks: in order, each key once, every key that was there throughout, none that was absent
// throughout.
#pragma once

#include <functional>
#include <optional>
#include <utility>
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
  [[nodiscard]] Window open_window(KeyId first, KeyId end) const;
  void walk(bool forward);
  void walk_prefix();
  /// Id of an entry; fails if it is none of the window's or not beyond the last one.
  [[nodiscard]] KeyId place(const Window& window, const Entry& entry) const;
  /// All of the ids from `first` to `end` are as they may have been.
  void judge(const Window& window, KeyId first, KeyId end) const;

  Actor& actor_;
  std::function<void()> interruption_;
};

}  // namespace radish::stress::torture
