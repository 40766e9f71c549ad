// What a dead process may have left, judged by what the living then see and do.
//
// Invariants
//   O1  Readers whose handle is older than the death, before anybody recovers, find exactly the map of before
//       or exactly that of after; the count is of one of the two.
//   O2  Recovery, by whatever way, leaves exactly one of the two: that of after, if readers had seen it; the
//       count is exact; the audit finds every byte where it belongs.
//   O3  The count of takeovers goes up by one if the dead process held what had to be taken over, unless it
//       died in a takeover that had counted itself already, and stays otherwise; an attach says recovered if
//       it did, and only then.
//   O4  What has been recovered lives on: later operations answer as the model does, and it takes as many
//       more keys as an undisturbed structure of the same content, less what waits for readers that have
//       been.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "crashpoints/arena.h"
#include "crashpoints/truth.h"

namespace radish::crashpoints {

/// How the living come by what a dead process has left half done.
enum class Way : std::uint8_t {
  by_reading_lock,
  by_writing_lock,
  by_attaching,  ///< a new handle, while others are attached
  by_opening,    ///< a new handle, nobody else is attached
};
inline constexpr std::uint32_t way_count = 4;
[[nodiscard]] const char* name_of(Way way);

/// What is said of a state that must not be.
using Complaint = std::optional<std::string>;

class Oracle {
 public:
  static constexpr std::uint64_t capacity_bytes = 256 << 10;

  explicit Oracle(const Subject& subject);

  [[nodiscard]] const Subject& subject() const { return subject_; }
  /// Where an old handle is attached: images are to be made here.
  [[nodiscard]] const Arena& arena() const { return arena_; }
  /// Where nobody is attached.
  [[nodiscard]] const Arena& solitude() const { return solitude_; }
  [[nodiscard]] Handle* witness() const { return witness_.handle(); }

  /// From here on it is this case that is judged. Makes its base where the witness is attached.
  void take(const Case& explored, const Image& pristine);
  [[nodiscard]] Complaint judge(const Image& state, Way way);

  [[nodiscard]] const Truth& truth() const { return *truth_; }
  [[nodiscard]] std::uint64_t lives() const { return lives_; }

 private:
  [[nodiscard]] Complaint recover_and_judge(const Image& state, Way way, Shown dead);
  [[nodiscard]] Complaint judge_recovered(const Arena& arena, Handle* handle, Shown dead,
                                          std::uint64_t takeovers_expected);
  [[nodiscard]] Complaint live_on(Handle* handle, bool after);
  [[nodiscard]] Reply operate(const Operation& operation) const;
  [[nodiscard]] Complaint perform_later(Handle* handle, Model model) const;
  /// Keys of some length that it takes before it is full.
  [[nodiscard]] std::uint64_t fill_up(Handle* handle) const;
  [[nodiscard]] std::uint64_t room_of_whole(bool after);

  const Subject& subject_;
  Arena arena_;
  Arena solitude_;
  Attachment witness_;
  const Case* case_ = nullptr;
  std::optional<Truth> truth_;
  std::optional<Inquiry> inquiry_;
  std::unordered_set<std::uint64_t> known_;  ///< digests of what has lived on
  Image whole_[2];                           ///< of before and of after, where nobody died
  std::optional<std::uint64_t> room_[2];     ///< that they leave, once they have lived on
  std::uint64_t lives_ = 0;
};

}  // namespace radish::crashpoints
