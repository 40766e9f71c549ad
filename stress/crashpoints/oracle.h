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
//   O4  What has been recovered lives on: later operations, half of them on the case's own keys, answer as
//       the model does and leave what it holds; it takes as many more keys as an undisturbed structure of the
//       same content, and refuses the next for the same reason. Where a read was announced, what waited
//       for it meanwhile may lie in other pages: then it takes as many once all has been erased. Full,
//       nothing waits any more.
//   O5  Every state is recovered by a lock, unless only opening it alone can. By an attach, too, the
//       first of those that have one digest: what later operations can depend on is the same in all of
//       them, and so is what they do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

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
/// Of another name than that of a way: by a reading lock.
[[nodiscard]] Way way_named(std::string_view name);

/// Tells states apart that are alike but judged differently: added to their hash.
[[nodiscard]] std::uint64_t key_of(Shown allowed, bool alone);
/// As many as there must be when a dead process's debts have been paid.
[[nodiscard]] std::uint64_t takeovers_after(const Debts& debts);

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

  /// From here on it is this case that is judged. Makes its base where the witness is attached. Throws
  /// std::runtime_error if the subject is wrong where nobody dies.
  void take(const Case& explored, const Image& pristine);

  struct Judgement {
    Complaint wrong{};
    std::string way{};      ///< that was taken last
    Shown shown{};          ///< to readers, before anybody recovered
    bool is_known = false;  ///< its digest was
    bool is_alone = false;  ///< it can only be recovered by opening alone
    bool is_final = false;  ///< nothing more can be done
    /// What recovery may make of it: what readers have seen stays.
    [[nodiscard]] Shown left(Shown allowed) const {
      return shown.before ? allowed : Shown{.before = false, .after = true};
    }
  };
  /// `allowed`: what it may show, now and recovered. `alone`: who died was alone, so that who comes next is.
  [[nodiscard]] Judgement judge(const Image& state, Shown allowed, bool alone);
  /// The same, recovered in this one way.
  [[nodiscard]] Judgement judge(const Image& state, Shown allowed, Way way);
  /// Of a mutation that came to its end: the map of after is there, and no other.
  [[nodiscard]] Complaint judge_end(const Image& state) const;

  /// To readers, before anybody recovers.
  [[nodiscard]] Shown shown(const Image& state) const;
  /// The base with what the witness announces while it reads; nothing if it announces nothing.
  [[nodiscard]] Image image_in_a_read() const;

  [[nodiscard]] const Truth& truth() const { return *truth_; }
  /// What the mutation answers where nobody dies.
  [[nodiscard]] const Reply& reply() const { return reply_; }
  [[nodiscard]] std::uint64_t lives() const { return lives_; }

 private:
  [[nodiscard]] Judgement judge_unrecovered(const Image& state, Shown allowed) const;
  /// Until one is refused.
  struct Filling {
    std::uint64_t bytes = 0;  ///< of the keys that were taken
    std::int32_t error = 0;   ///< to the first that was not
    bool operator==(const Filling&) const = default;
  };
  struct Seen {
    Shown dead;  ///< by readers, before the recovery
    Shown allowed;
  };

  void fill_heap(std::vector<Operation>& stored) const;
  void require_whole(bool after) const;
  [[nodiscard]] Complaint recover_and_judge(const Image& state, Way way, const Seen& seen);
  [[nodiscard]] Complaint judge_recovered(const Arena& arena, Handle* handle, const Seen& seen,
                                          const Debts& dead);
  [[nodiscard]] Complaint live_on(const Arena& arena, Handle* handle, bool after);
  [[nodiscard]] Reply operate(Handle* handle, const Operation& operation) const;
  [[nodiscard]] Complaint perform_later(Handle* handle, Model model) const;
  [[nodiscard]] bool refuses_all(Handle* handle, const Model& model) const;
  [[nodiscard]] Complaint audit(Handle* handle, const char* when) const;
  [[nodiscard]] Filling fill_up(Handle* handle) const;
  /// The same, after everything has been erased.
  [[nodiscard]] Filling refill(Handle* handle) const;
  [[nodiscard]] const Filling& room_of_whole(bool after);
  [[nodiscard]] const Filling& room_of_emptied();

  const Subject& subject_;
  Arena arena_;
  Arena solitude_;
  Attachment witness_;
  const Case* case_ = nullptr;
  std::optional<Truth> truth_;
  std::optional<Inquiry> inquiry_;
  std::vector<Operation> later_;
  Reply reply_{};
  std::uint64_t turn_ = 0;                    ///< of the ways
  std::unordered_set<std::uint64_t> judged_;  ///< digests of what was judged
  std::unordered_set<std::uint64_t> known_;   ///< digests of what has lived on
  Image whole_[2];                            ///< of before and of after, where nobody died
  std::optional<Filling> room_[2];            ///< that they leave, once they have lived on
  std::optional<Filling> room_emptied_;       ///< that is there once all has been erased
  std::uint64_t lives_ = 0;
};

}  // namespace radish::crashpoints
