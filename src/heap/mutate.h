// How a mutation of a tree, whichever, comes about: one plan, one transaction, one writer at a time.
//
// Invariants
//   W1  A mutation is one transaction. A plan that is unfinished is housekeeping before it (W2). Of a load's
//       transactions the last one is the mutation (radix/load.cpp).
//   W2  Housekeeping (dismantling, reclaiming) is transactions of its own, before or after it: none of them
//       changes what readers find.
//   W3  A mutation that finds no room makes room and plans anew, until nothing is left that could be given
//       back. Then `pinned`, if a living reader holds some back, else `full` or `no_space`.
//   W4  Overwriting takes no block, and erasing none that it cannot do without: they never want room.
//   W5  Making room ends: a block is taken out of a condemned node once, freed once from retirement, and a
//       node leaves its list once, so there are no more turns than three times the blocks that fit.
//   W6  A mutation that can do without room is never refused for what readers hold back (NeedsNoRoom).
#pragma once

#include "heap/room.h"
#include "segment/twin.h"

namespace radish::heap {

/// What follows is not in the file that the mark speaks of.
void clear_clean_mark(const segment::Segment& segment);

/// W3 and W5 of one mutation.
class RoomMaker {
 public:
  explicit RoomMaker(const txn::Writer& writer) : writer_(writer) {}
  /// After a plan failed for want of room: to be planned anew, or why not. Bounded by the caller's deadline;
  /// what was given back by then stays so.
  [[nodiscard]] Expected<void> make(const Fault& wanted);

 private:
  const txn::Writer& writer_;
  std::uint64_t deadline_ns_ = 0;  ///< 0: room has not been wanted yet
  std::uint64_t turns_ = 0;
};

/// A plan that can do without room (W6).
template <class Plan>
struct NeedsNoRoom {
  [[nodiscard]] static constexpr bool needs_no_room() { return true; }
  Plan plan;
  auto operator()(txn::Transaction& tx) { return plan(tx); }
};

/// Whether what was planned can do without room (W6).
template <class Plan>
[[nodiscard]] bool can_do_without_room(const Plan& plan) {
  if constexpr (requires { plan.needs_no_room(); }) return plan.needs_no_room();
  return false;
}

/// Whether the answer of a plan says that another one must follow.
template <class Answer>
[[nodiscard]] bool is_unfinished(const Answer& answer) {
  if constexpr (requires { answer->unfinished; }) return answer->unfinished;
  return false;
}

/// True if the plan makes the heap's use grow.
[[nodiscard]] bool takes_pages(const txn::Transaction& tx);

/// W1 to W3: as the writer, `plan(tx)` is called until it has planned something or failed for good, and what
/// it planned is committed. `kind` is Transaction::WholeRecord for a plan of several mutations.
template <class Plan, class... Kind>
auto mutate(sync::Attachment& attachment, Plan plan, Kind... kind)
    -> decltype(plan(std::declval<txn::Transaction&>())) {
  const auto writer = txn::Writer::acquire(attachment);
  if (!writer) return std::unexpected(writer.error());
  clear_clean_mark(writer->segment());
  for (RoomMaker room(*writer);;) {
    txn::Transaction tx(writer->segment(), kind...);
    auto answer = plan(tx);
    if (answer && !tx.is_consistent()) return corrupt("the heap holds blocks that overlap");
    if (answer) {
      const bool took_pages = takes_pages(tx);
      if (took_pages && !can_do_without_room(plan)) RADISH_TRY(check_held_back(*writer));
      tx.commit();
      keep_house(*writer, took_pages);
      if (is_unfinished(answer)) continue;
      attachment.count_write();
      return answer;
    }
    if (!wants_room(answer.error().code)) return answer;
    if (broken(Twin::refused_plan_committed)) tx.commit();
    tx.reset();
    RADISH_TRY(room.make(answer.error()));
  }
}

}  // namespace radish::heap
