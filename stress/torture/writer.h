// A strand that changes the keys of one range, and knows exactly what each change must answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torture/actor.h"

namespace radish::stress::torture {

class Writer {
 public:
  Writer(Actor& actor, std::uint32_t range);
  void step();

 private:
  struct Group {
    std::string prefix;
    std::vector<KeyId> keys;
  };

  /// The key's next version, by one of the operations that lead there.
  void advance(KeyId key);
  /// True if it was answered as it must be, false if it was refused.
  [[nodiscard]] bool perform(KeyId key, Version from, Version to);
  [[nodiscard]] bool make(KeyId key, Version to);
  [[nodiscard]] bool replace(KeyId key, Version from, Version to);
  [[nodiscard]] bool erase(KeyId key);
  /// Operations that must be refused and change nothing.
  void change_nothing(KeyId key);
  void erase_group(const Group& group);
  void advance_pair(KeyId first);
  /// One step of a key that all writers count up.
  void count_up(KeyId key);
  /// The first value of such a key; false if it was refused.
  [[nodiscard]] bool lay_foundation(KeyId key);
  /// True if the step was made, false if it is known not to have been.
  [[nodiscard]] bool add_one(KeyId key, Version low);
  [[nodiscard]] bool exchange_for_one_more(KeyId key, Version low);
  /// The value before a step: none that was done before the call is missing from it, and none but those begun
  /// by now, this one apart, is in it.
  void judge_step(KeyId key, Version low, std::optional<std::uint64_t> before, std::string_view what);
  /// Says of each change that it begins.
  void begin_change(KeyId key);
  /// One's own key holds what was acknowledged.
  void look(KeyId key);
  void intend(KeyId key, Version version);
  void acknowledge(KeyId key, Version version);
  /// Tells the killer how long a recovery took, if this is the first write after it.
  void note_recovery();
  [[nodiscard]] Version version(KeyId key) const { return actor_.ledger().acknowledged(key); }
  [[nodiscard]] std::optional<std::uint64_t> value(KeyId key) const {
    return actor_.ledger().value_at(key, version(key));
  }
  [[nodiscard]] std::uint32_t period(KeyId key) const { return actor_.ledger().record(key).period; }
  [[nodiscard]] std::string_view bytes(KeyId key) const { return actor_.ledger().bytes(key); }

  Actor& actor_;
  std::vector<KeyId> plain_;
  std::vector<KeyId> firsts_;
  std::vector<KeyId> shared_;
  std::vector<Group> groups_;
};

}  // namespace radish::stress::torture
