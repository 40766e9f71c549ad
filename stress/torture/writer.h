// A strand that changes the keys of one range, and knows exactly what each change must answer.
#pragma once

#include <cstdint>
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
  /// One's own key holds what was acknowledged.
  void look(KeyId key);
  void intend(KeyId key, Version version);
  void acknowledge(KeyId key, Version version);
  /// Tells the killer how long a recovery took, if this is the first write after it.
  void note_recovery();
  [[nodiscard]] Version version(KeyId key) const { return actor_.acknowledged(key); }
  [[nodiscard]] std::optional<std::uint64_t> value(KeyId key) const;
  [[nodiscard]] std::uint32_t period(KeyId key) const { return actor_.ledger().record(key).period; }
  [[nodiscard]] std::string_view bytes(KeyId key) const { return actor_.ledger().bytes(key); }

  Actor& actor_;
  std::vector<KeyId> plain_;
  std::vector<KeyId> firsts_;
  std::vector<Group> groups_;
};

}  // namespace radish::stress::torture
