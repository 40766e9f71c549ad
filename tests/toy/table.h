// A toy: a hash table in shared memory, from short byte strings to 64-bit numbers. Not a good one: it is
// there so that the explorer of crash points has a subject that is nothing like radish.
//
// One process at a time changes it; whoever reads beside a writer that lives sees anything.
//
// Invariants
//   T1  Every mutation becomes visible by one word: a slot's head, its value, or which of the two slot arrays
//       is in use. Everything that the word makes visible is stored before.
//   T2  The record holds that word's new value and the count that goes with it before it is armed, and is
//       disarmed after both are stored: whoever finds it armed stores both again.
//   T3  `writer` names the process that may store anything else. Whoever finds a dead one in it takes
//       it over, does T2, and counts that before it lets go.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "stores.h"

namespace radish::toy {

inline constexpr std::size_t slots_max = 256;
inline constexpr std::size_t key_bytes_max = 16;

/// What a slot's head says; more is the length of its key.
inline constexpr Word empty = 0;   ///< nothing ever was here, nor further along any chain through here
inline constexpr Word erased = 1;  ///< chains go on
inline constexpr Word live = 2;    ///< of length 0

struct Slot {
  Word head;
  std::array<Word, key_bytes_max / sizeof(Word)> key;  ///< filled up with zeros
  Word value;

  [[nodiscard]] bool is_live() const { return load(head) >= live; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(key.data()), load(head) - live};
  }
};
using Slots = std::array<Slot, slots_max>;

struct Record {
  Word armed;
  Word offset;  ///< of the word that makes the change visible
  Word word;
  Word count;
};

struct Shared {
  Word writer;  ///< process id and the time of its start, or 0
  Word takeovers;
  Word count;
  Word in_use;  ///< which of the slot arrays
  Record record;
  std::array<Slots, 2> slots;

  [[nodiscard]] const Slots& used() const { return slots[load(in_use) & 1]; }
};

enum class Error : std::int32_t { none, too_long, full };

/// One process's handle.
class Table {
 public:
  explicit Table(Shared& shared);

  [[nodiscard]] const Shared& shared() const { return shared_; }
  [[nodiscard]] std::optional<Word> find(std::string_view key) const;
  [[nodiscard]] const char* audit() const;

  /// True if there was something to take over from the dead.
  bool lock();
  void unlock();

  // With the lock held.
  Error insert(std::string_view key, Word value);
  void replace(std::string_view key, Word value);
  void erase(std::string_view key);
  /// The number of keys erased.
  Word erase_prefix(std::string_view prefix);

 private:
  [[nodiscard]] Slot* slot_of(std::string_view key) const;
  [[nodiscard]] Slot* slot_for(std::string_view new_key) const;
  void change(Word& word, Word value, Word count, bool disarmed = true);
  void arm(const Word& word, Word value, Word count);
  void redo();

  Shared& shared_;
  Word self_;
};

}  // namespace radish::toy
