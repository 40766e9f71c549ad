// Stable views: two passes over the keys show the same, count() is the number of them, and what they show is
// one state that the ledger allows.
#pragma once

#include <vector>

#include "torture/actor.h"

namespace radish::stress::torture {

class ViewHolder {
 public:
  explicit ViewHolder(Actor& actor) : actor_(actor) {}
  void step();

 private:
  struct Shown {
    KeyId key;
    std::uint64_t value;
    bool operator==(const Shown&) const = default;
  };
  /// Ids from `first` to `end`, as a scan shows them.
  [[nodiscard]] std::vector<Shown> pass(KeyId first, KeyId end) const;
  void judge(KeyId first, KeyId end, const std::vector<Version>& high, const std::vector<Shown>& shown) const;
  void try_to_write();

  Actor& actor_;
};

}  // namespace radish::stress::torture
