#include "txn/transaction.h"

#include <algorithm>
#include <vector>

#include "sync/words.h"

namespace radish::txn {
namespace {

bool is_key_count(const segment::Segment& segment, std::uint64_t target) {
  return target == target_of(roots_word(segment, offsetof(layout::Roots, key_count)), 8);
}

/// What twin T16 (relative store) does.
void make_count_relative(const segment::Segment& segment, std::span<PlannedStore> stores) {
  for (PlannedStore& store : stores)
    if (is_key_count(segment, store.target))
      store.value -= sync::glance(*reinterpret_cast<std::uint64_t*>(segment.at(store.target >> 4)));
}

/// What twin T1 (publish before fill) holds back.
struct LateFill {
  std::byte* target;
  std::vector<std::byte> bytes;
};
std::vector<LateFill>& late_fills() {
  thread_local std::vector<LateFill> fills;
  return fills;
}
void fill_late() {
  for (const LateFill& late : late_fills()) Seam::fill(late.target, late.bytes.data(), late.bytes.size());
  late_fills().clear();
}

}  // namespace

void apply_entry(const segment::Segment& segment, std::uint64_t target, std::uint64_t value) {
  std::byte* address = segment.at(target >> 4);
  if (broken(Twin::relative_store) && is_key_count(segment, target))
    value += sync::glance(*reinterpret_cast<std::uint64_t*>(address));
  if ((target & 15) == 4)
    sync::publish(*reinterpret_cast<std::uint32_t*>(address), static_cast<std::uint32_t>(value));
  else
    sync::publish(*reinterpret_cast<std::uint64_t*>(address), value);
}

Transaction::Transaction(const segment::Segment& segment, WholeRecord)
    : segment_(segment), plan_(segment.geometry().record_entries) {}

void Transaction::add(std::uint64_t target, std::uint64_t value, std::uint64_t rank) {
  if (!plan_.is_full()) return plan_.add(target, value, rank);
  require(holds_several(), "X3: a plan of more stores than its bound");
  too_large_ = true;
}

void Transaction::plan(Offset offset, unsigned width, std::uint64_t value) {
  const std::uint64_t target = target_of(offset, width);
  if (broken(Twin::count_outside_record) && is_key_count(segment_, target)) {
    apply_entry(segment_, target, value);
    return;
  }
  PlannedStore* planned = plan_.find(target);
  if (planned == nullptr) return add(target, value, 0);
  overlaps_ |= planned->rank != 0;
  planned->value = value;
}

void Transaction::plan_published(Offset offset, unsigned width, std::uint64_t value) {
  require(holds_several() || published_ == 0, "X3: two published words in one mutation");
  const std::uint64_t target = target_of(offset, width);
  PlannedStore* planned = plan_.find(target);
  if (planned == nullptr) return add(target, value, ++published_);
  overlaps_ |= planned->rank == 0;
  planned->value = value;
  planned->rank = ++published_;
}

void Transaction::fill(Offset offset, const void* bytes, std::size_t count) {
  if (broken(Twin::publish_before_fill)) {
    const auto* first = static_cast<const std::byte*>(bytes);
    late_fills().push_back({segment_.at(offset), {first, first + count}});
    return;
  }
  Seam::fill(segment_.at(offset), bytes, count);
}

Savepoint::Savepoint(Transaction& tx)
    : tx_(tx),
      stores_(tx.plan_.stores().begin(), tx.plan_.stores().end()),
      published_(tx.published_),
      overlaps_(tx.overlaps_),
      too_large_(tx.too_large_) {}

void Savepoint::restore() const {
  tx_.reset();
  for (const PlannedStore& store : stores_) tx_.plan_.add(store.target, store.value, store.rank);
  tx_.published_ = published_;
  tx_.overlaps_ = overlaps_;
  tx_.too_large_ = too_large_;
}

void Transaction::reset() {
  plan_.clear();
  published_ = 0;
  overlaps_ = false;
  too_large_ = false;
  if (broken(Twin::publish_before_fill)) late_fills().clear();
}

bool Transaction::is_consistent() const {
  if (overlaps_) return false;
  return std::ranges::none_of(plan_.stores(), [&](const PlannedStore& store) {
    return (store.target & 15) == 4 && plan_.find(target_of((store.target >> 4) & ~Offset{7}, 8)) != nullptr;
  });
}

void Transaction::arm() {
  layout::Record& record = segment_.record();
  layout::RecordEntry* entries = segment_.record_entries();
  if (broken(Twin::armed_before_entries)) sync::publish(record.armed, layout::armed_mark);
  std::span<const PlannedStore> stores = plan_.stores();
  if (broken(Twin::record_entry_missing)) stores = stores.first(stores.size() - 1);
  for (std::size_t index = 0; index < stores.size(); ++index) {
    sync::note(entries[index].target, stores[index].target);
    sync::note(entries[index].value, stores[index].value);
  }
  sync::note(record.entry_count, static_cast<std::uint32_t>(stores.size()));
  sync::note(record.takeover_generation, sync::glance(segment_.roots().generation) + 1);
  Seam::compiler_fence();                           // X4
  sync::publish(record.armed, layout::armed_mark);  // pairs with the observe in recover
  Seam::compiler_fence();
}

void Transaction::apply() {
  for (const PlannedStore& store : plan_.stores()) apply_entry(segment_, store.target, store.value);
}

void Transaction::disarm() {
  Seam::compiler_fence();                                    // X4
  sync::publish(segment_.record().armed, std::uint64_t{0});  // pairs with the observes in recovery.cpp
  Seam::compiler_fence();
}

void Transaction::commit() {
  require(!overlaps_, "X3: the published word is stored twice");
  require(!too_large_, "X3: a plan of more stores than its record");
  plan_.line_up();
  const bool recorded = planned() > 1;  // X6
  if (recorded) {
    if (broken(Twin::relative_store)) make_count_relative(segment_, plan_.stores());
    arm();
    if (broken(Twin::disarm_before_apply)) disarm();
  }
  apply();
  if (broken(Twin::publish_before_fill)) fill_late();
  if (recorded) disarm();
  reset();
}

}  // namespace radish::txn
