// The redo record: the only door through which the tree and the heap are changed.
//
// Invariants
//   X1  Only the owner of the writer word builds, arms, applies, replays or disarms.
//   X2  Until the armed word is stored nothing that anybody reads has changed: planned stores are in this
//       process, and filled blocks are free memory.
//   X3  A record is a list of absolute stores, each word at most once, so applying it again changes nothing.
//       At most one of them, the published one, is read by readers; it comes last.
//   X4  Compiler fences stand on both sides of arm, disarm and release: no store moves past them.
//   X5  Reads of a plan see the plan's own stores.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "segment/segment.h"
#include "sync/attachment.h"
#include "sync/words.h"

namespace radish::txn {

using layout::Offset;
using layout::Reference;

/// No operation plans more stores than this; asserted when one does.
inline constexpr std::size_t planned_stores_max = 200;
static_assert(planned_stores_max <= layout::record_entries_default);

/// A word as the record names it.
constexpr std::uint64_t target_of(Offset offset, unsigned width) { return offset << 4 | width; }

class Transaction {
 public:
  explicit Transaction(const segment::Segment& segment) : segment_(segment) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction(Transaction&&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() = default;

  [[nodiscard]] const segment::Segment& segment() const { return segment_; }

  /// Stores that the plan holds, the published one aside.
  [[nodiscard]] std::size_t planned() const { return count_; }

  /// X5. The offset is aligned and below capacity.
  [[nodiscard]] std::uint32_t load32(Offset offset) const {
    if (const std::uint64_t* planned = find(target_of(offset, 4)))
      return static_cast<std::uint32_t>(*planned);
    return sync::glance(*reinterpret_cast<const std::uint32_t*>(segment_.at(offset)));
  }
  [[nodiscard]] std::uint64_t load64(Offset offset) const {
    if (const std::uint64_t* planned = find(target_of(offset, 8))) return *planned;
    return sync::glance(*reinterpret_cast<const std::uint64_t*>(segment_.at(offset)));
  }

  /// True if the plan stores the word.
  [[nodiscard]] bool stores64(Offset offset) const { return find(target_of(offset, 8)) != nullptr; }

  void store32(Offset offset, std::uint32_t value) { plan(offset, 4, value); }
  void store64(Offset offset, std::uint64_t value) { plan(offset, 8, value); }
  /// The one store that readers see.
  void publish32(Offset offset, Reference value);

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
  /// Arms, applies, disarms. An empty plan does nothing.
  void commit();

  /// For a change that is one aligned store by itself.
  static void store_alone(const segment::Segment& segment, Offset offset, std::uint64_t value);

 private:
  void plan(Offset offset, unsigned width, std::uint64_t value);
  /// The planned value of a word, or null. Nearly every word asked for is not planned, which one bit tells.
  [[nodiscard]] const std::uint64_t* find(std::uint64_t target) const {
    return (planned_bits_ & bit_of(target)) == 0 ? nullptr : search(target);
  }
  [[nodiscard]] const std::uint64_t* search(std::uint64_t target) const;
  static std::uint64_t bit_of(std::uint64_t target) {
    return std::uint64_t{1} << ((target * 0x9e3779b97f4a7c15) >> 58);
  }
  void arm(std::size_t count);
  void apply(std::size_t count);
  void disarm();

  const segment::Segment& segment_;
  std::size_t count_ = 0;
  std::uint64_t planned_bits_ = 0;  ///< bit_of each target
  bool publishes_ = false;
  std::uint64_t publish_target_ = 0;
  std::uint64_t publish_value_ = 0;
  std::array<std::uint64_t, planned_stores_max> targets_;  // offset * 16 + width
  std::array<std::uint64_t, planned_stores_max> values_;
};

/// One store of a record, by its owner or by whoever recovers. Release: what was filled is visible to whoever
/// observes a published reference.
void apply_entry(const segment::Segment& segment, std::uint64_t target, std::uint64_t value);

/// Offsets of words in the roots, for plans.
[[nodiscard]] inline Offset roots_word(const segment::Segment& segment, std::size_t offset_in_roots) {
  return segment.geometry().roots_offset + offset_in_roots;
}

}  // namespace radish::txn
