// The redo record: the only door through which the tree and the heap are changed.
//
// Invariants
//   X1  Only the owner of the writer word builds, arms, applies, replays or disarms.
//   X2  Until the armed word is stored nothing that anybody reads has changed: planned stores are in this
//       process, and what is filled is free memory, or room that readers ignore (K2 of radix/bucket.h).
//   X3  A record is a list of absolute stores, each word at most once, so applying it again changes nothing.
//       Those that readers follow, the published ones, come last, in the order in which they were planned: a
//       reader that observes one finds behind it what was filled, and the bounds that it is held against. A
//       mutation publishes one word; several mutations in one record become visible one word at a time.
//   X4  Compiler fences stand on both sides of arm, disarm and release: no store moves past them.
//   X5  Reads of a plan see the plan's own stores.
//   X6  A plan of one store is made without a record: the store is a transaction by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "segment/segment.h"
#include "sync/attachment.h"
#include "sync/words.h"
#include "txn/plan.h"

namespace radish::txn {

using layout::Offset;
using layout::Reference;

class Transaction {
 public:
  explicit Transaction(const segment::Segment& segment) : segment_(segment) {}
  /// For several mutations at once: as many stores as the segment's record holds. A store beyond that voids
  /// the plan: `is_too_large`.
  struct WholeRecord {};
  Transaction(const segment::Segment& segment, WholeRecord);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction(Transaction&&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() = default;

  [[nodiscard]] const segment::Segment& segment() const { return segment_; }

  /// Stores that the plan holds.
  [[nodiscard]] std::size_t planned() const { return plan_.stores().size(); }
  /// Whether the plan may hold several mutations, so that one of them may undo what another did.
  [[nodiscard]] bool holds_several() const { return plan_.holds_several(); }
  /// More was planned than a record holds: to be dropped, not committed.
  [[nodiscard]] bool is_too_large() const { return too_large_; }

  /// X5. The offset is aligned and below capacity.
  [[nodiscard]] std::uint32_t load32(Offset offset) const {
    if (const PlannedStore* planned = plan_.find(target_of(offset, 4)))
      return static_cast<std::uint32_t>(planned->value);
    return sync::glance(*reinterpret_cast<const std::uint32_t*>(segment_.at(offset)));
  }
  [[nodiscard]] std::uint64_t load64(Offset offset) const {
    if (const PlannedStore* planned = plan_.find(target_of(offset, 8))) return planned->value;
    return sync::glance(*reinterpret_cast<const std::uint64_t*>(segment_.at(offset)));
  }

  /// True if the plan stores the word.
  [[nodiscard]] bool stores64(Offset offset) const { return plan_.find(target_of(offset, 8)) != nullptr; }

  void store32(Offset offset, std::uint32_t value) { plan(offset, 4, value); }
  void store64(Offset offset, std::uint64_t value) { plan(offset, 8, value); }
  /// A store that readers see. Of several to one word the last counts, in its place.
  void publish32(Offset offset, std::uint32_t value) { plan_published(offset, 4, value); }
  void publish64(Offset offset, std::uint64_t value) { plan_published(offset, 8, value); }

  /// Writes into a block that is free on paper; nobody reads it before the publish.
  void fill(Offset offset, const void* bytes, std::size_t count);

  /// The same for what the plan itself reads back.
  void prepare(Offset offset, const void* bytes, std::size_t count) const {
    Seam::fill(segment_.at(offset), bytes, count);
  }

  /// False if the plan stores a byte twice, as one over a hostile heap may: to be dropped, not committed.
  [[nodiscard]] bool is_consistent() const;
  /// Forgets the plan. What was filled stays free memory.
  void reset();
  /// Arms, applies, disarms; a plan of one store is just made (X6). An empty plan does nothing.
  void commit();

 private:
  friend class Savepoint;
  void plan(Offset offset, unsigned width, std::uint64_t value);
  void plan_published(Offset offset, unsigned width, std::uint64_t value);
  void add(std::uint64_t target, std::uint64_t value, std::uint64_t rank);
  void arm();
  void apply();
  void disarm();

  const segment::Segment& segment_;
  Plan plan_;
  std::uint64_t published_ = 0;  ///< the highest rank
  bool overlaps_ = false;        ///< a published word is stored otherwise too
  bool too_large_ = false;
};

/// A plan as it is now, to go back to.
class Savepoint {
 public:
  explicit Savepoint(Transaction& tx);
  void restore() const;

 private:
  Transaction& tx_;
  std::vector<PlannedStore> stores_;
  std::uint64_t published_;
  bool overlaps_;
  bool too_large_;
};

/// One store of a record, by its owner or by whoever recovers. Release: what was filled is visible to whoever
/// observes a published reference.
void apply_entry(const segment::Segment& segment, std::uint64_t target, std::uint64_t value);

/// Offsets of words in the roots, for plans.
[[nodiscard]] inline Offset roots_word(const segment::Segment& segment, std::size_t offset_in_roots) {
  return segment.geometry().roots_offset + offset_in_roots;
}

}  // namespace radish::txn
