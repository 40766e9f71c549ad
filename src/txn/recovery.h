// Taking over from the dead, and settling the lease at an open.
//
// Invariants
//   R1  Recovery repeats the stores of an armed record, stores the record's takeover generation and
//       disarms, so it may die at any instruction and be repeated. A takeover that finds the record
//       unarmed arms an empty one.
//   R2  The generation never goes back, and counts completed takeovers.
//   R3  Nothing of a record is applied before all of it has been checked for its bounds: roots, page
//       map, heap below the frontier.
//   R4  The lease's origin is written only while nobody else is attached, after the record was replayed
//       and the content checked.
//   R5  A takeover needs the writer word alone, and is owed until it is done: till then the word holds
//       the dead identity, that of whoever is about to take over, or the mark of one who gave up.
#pragma once

#include <utility>

#include "sync/lock.h"
#include "txn/transaction.h"

namespace radish::txn {

/// More takeovers than there will be: the count stays there.
inline constexpr std::uint64_t generation_max = std::uint64_t{1} << 62;

/// Entries of an armed record; `corrupt` unless it can be replayed (R3).
[[nodiscard]] Expected<std::uint32_t> check_record(const segment::Segment& segment);

/// For the owner of the writer word. Replays an armed record; `from_dead` counts a takeover even if there is
/// none. True if it did anything. O(1) whatever the size of the tree.
[[nodiscard]] Expected<bool> recover(const segment::Segment& segment, bool from_dead);

/// Owner of the writer word while it lives; the segment is recovered and known not to be sealed. A word that
/// could not be recovered is handed back to the dead.
class Writer {
 public:
  /// `frozen`, `read_only`, `corrupt`, or why the lock was not to be had.
  [[nodiscard]] static Expected<Writer> acquire(sync::Attachment& attachment);
  Writer(Writer&& other) noexcept
      : attachment_(std::exchange(other.attachment_, nullptr)),
        state_(other.state_),
        recovered_(other.recovered_) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer& operator=(Writer&&) = delete;
  ~Writer() {
    if (attachment_ != nullptr) sync::hand_back_writer(*attachment_, *state_);
  }
  [[nodiscard]] sync::Attachment& attachment() const { return *attachment_; }
  [[nodiscard]] const segment::Segment& segment() const { return attachment_->segment(); }
  [[nodiscard]] const sync::ThreadState& state() const { return *state_; }
  [[nodiscard]] bool recovered() const { return recovered_; }

 private:
  Writer(sync::Attachment& attachment, sync::ThreadState& state) : attachment_(&attachment), state_(&state) {}
  sync::Attachment* attachment_;
  sync::ThreadState* state_;
  bool recovered_ = false;
};

/// Takes a stable view, recovering from a dead writer first. What the thread holds through any of its handles
/// is the same view.
[[nodiscard]] Expected<void> enter_view(sync::Attachment& attachment);
/// Gives it back; nothing in a child that inherited it.
void leave_view(sync::Attachment& attachment);

/// What a segment must pass before a lease of another boot or namespace is made anew.
using HealedCheck = Expected<void> (*)(const segment::Segment&);

/// At an open that found nobody attached: every identity word is a dead one's. What `check` refuses keeps its
/// old lease, so that the next open asks again.
[[nodiscard]] Expected<Outcome> settle_alone(const segment::Segment& segment, sync::Identity own,
                                             const layout::LeaseOrigin& origin, HealedCheck check);
/// At an open beside others.
[[nodiscard]] Expected<Outcome> settle_beside(sync::Attachment& attachment);

}  // namespace radish::txn
