// Stable views: two passes over the keys show the same, count() is the number of them, and what they show is
// one state that the ledger allows.
#pragma once

#include <cstdint>
#include <optional>
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
  /// What was acknowledged and begun when the view had just begun.
  struct Moment {
    Version acknowledged;
    Version intended;
    bool is_of_one_change;  ///< whatever is in flight of the key's range is in flight by one operation
  };
  using Answers = std::vector<std::optional<std::uint64_t>>;
  [[nodiscard]] std::vector<Moment> look_up(KeyId first, KeyId end) const;
  [[nodiscard]] std::vector<std::uint64_t> changes() const;
  void judge(KeyId first, const std::vector<Moment>& moments, const Answers& answers) const;
  /// An operation on many keys has happened to all of them or to none.
  void judge_groups(KeyId first, const std::vector<Moment>& moments, const Answers& answers) const;
  /// The second of a pair is where the first is, or one version behind.
  void judge_pair(KeyId key, std::optional<std::uint64_t> first, std::optional<std::uint64_t> second) const;
  void try_to_write();

  Actor& actor_;
};

}  // namespace radish::stress::torture
