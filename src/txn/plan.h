// The stores of a transaction that has not been armed yet, found by the word that they store.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "segment/layout.h"

namespace radish::txn {

/// No mutation plans more stores than this; asserted when one does.
inline constexpr std::size_t planned_stores_max = 200;
static_assert(planned_stores_max <= layout::record_entries_default);

/// A word as the record names it.
constexpr std::uint64_t target_of(layout::Offset offset, unsigned width) { return offset << 4 | width; }

struct PlannedStore {
  std::uint64_t target;
  std::uint64_t value;
  std::uint64_t rank;  ///< of a published store: its place among them, from 1; else 0
};

class Plan {
 public:
  /// For one mutation.
  Plan() = default;
  /// For several, in a record of so many entries.
  explicit Plan(std::uint32_t record_entries)
      : stores_max_(record_entries),
        table_slots_(std::bit_ceil(std::size_t{record_entries} * 2)),
        room_(std::make_unique_for_overwrite<PlannedStore[]>(record_entries)),
        table_(std::make_unique<std::uint16_t[]>(table_slots_)),
        stores_(room_.get()) {
    static_assert(layout::record_entries_max < UINT16_MAX);
  }

  [[nodiscard]] bool holds_several() const { return room_ != nullptr; }
  [[nodiscard]] bool is_full() const { return count_ == stores_max_; }
  [[nodiscard]] std::span<PlannedStore> stores() { return {stores_, count_}; }
  [[nodiscard]] std::span<const PlannedStore> stores() const { return {stores_, count_}; }

  /// The store to a word, or null. Nearly every word asked for is not planned, which one bit tells.
  [[nodiscard]] const PlannedStore* find(std::uint64_t target) const {
    return (bits_ & bit_of(target)) == 0 ? nullptr : search(target);
  }
  [[nodiscard]] PlannedStore* find(std::uint64_t target) {
    return const_cast<PlannedStore*>(std::as_const(*this).find(target));
  }
  /// Of a word that is not planned yet, in a plan that is not full. Word by word: a value that is still on
  /// its way from memory is waited for where it is copied with its neighbours (docs/performance.md).
  void add(std::uint64_t target, std::uint64_t value, std::uint64_t rank) {
    if (table_ != nullptr) enter(target);
    PlannedStore& store = stores_[count_++];
    store.target = target;
    store.value = value;
    store.rank = rank;
    bits_ |= bit_of(target);
  }
  void clear();
  /// The published ones come behind the others, in their order. Nothing is found from then on.
  void line_up();

 private:
  [[nodiscard]] const PlannedStore* search(std::uint64_t target) const;
  static std::uint64_t hash(std::uint64_t target) { return target * 0x9e3779b97f4a7c15; }
  static std::uint64_t bit_of(std::uint64_t target) { return std::uint64_t{1} << (hash(target) >> 58); }
  /// The store to come, into the table.
  void enter(std::uint64_t target);
  /// The place in the table of a word: its own, or the free one where it belongs.
  [[nodiscard]] std::size_t place_of(std::uint64_t target) const;

  std::size_t stores_max_ = planned_stores_max;
  std::size_t count_ = 0;
  std::uint64_t bits_ = 0;  ///< bit_of each target
  std::size_t table_slots_ = 0;
  std::unique_ptr<PlannedStore[]> room_;
  std::unique_ptr<std::uint16_t[]> table_;  ///< of a plan for several mutations: indices, from 1
  std::array<PlannedStore, planned_stores_max> own_;
  PlannedStore* stores_ = own_.data();
};

}  // namespace radish::txn
