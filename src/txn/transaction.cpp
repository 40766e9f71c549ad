#include "txn/transaction.h"

#include <vector>

#include "sync/words.h"

namespace radish::txn {
namespace {

bool is_key_count(const segment::Segment& segment, std::uint64_t target) {
  return target == target_of(roots_word(segment, offsetof(layout::Roots, key_count)), 8);
}

/// What twin T16 (relative store) does.
void make_count_relative(const segment::Segment& segment, std::span<const std::uint64_t> targets,
                         std::uint64_t* values) {
  for (std::size_t index = 0; index < targets.size(); ++index)
    if (is_key_count(segment, targets[index]))
      values[index] -= sync::glance(*reinterpret_cast<std::uint64_t*>(segment.at(targets[index] >> 4)));
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

const std::uint64_t* Transaction::search(std::uint64_t target) const {
  for (std::size_t index = count_; index-- > 0;)
    if (targets_[index] == target) return &values_[index];
  return nullptr;
}

void Transaction::plan(Offset offset, unsigned width, std::uint64_t value) {
  const std::uint64_t target = target_of(offset, width);
  if (broken(Twin::count_outside_record) && is_key_count(segment_, target)) {
    apply_entry(segment_, target, value);
    return;
  }
  if (const std::uint64_t* planned = find(target)) {
    values_[static_cast<std::size_t>(planned - values_.data())] = value;
    return;
  }
  require(count_ < planned_stores_max, "X3: a plan of more stores than its bound");
  targets_[count_] = target;
  values_[count_++] = value;
  planned_bits_ |= bit_of(target);
}

void Transaction::publish32(Offset offset, Reference value) {
  require(!publishes_, "X3: two published words in one transaction");
  publishes_ = true;
  publish_target_ = target_of(offset, 4);
  publish_value_ = value;
}

void Transaction::fill(Offset offset, const void* bytes, std::size_t count) {
  if (broken(Twin::publish_before_fill)) {
    const auto* first = static_cast<const std::byte*>(bytes);
    late_fills().push_back({segment_.at(offset), {first, first + count}});
    return;
  }
  Seam::fill(segment_.at(offset), bytes, count);
}

void Transaction::reset() {
  count_ = 0;
  planned_bits_ = 0;
  publishes_ = false;
  if (broken(Twin::publish_before_fill)) late_fills().clear();
}

bool Transaction::is_consistent() const {
  const auto whole_is_stored = [&](std::uint64_t target) {
    return find(target_of((target >> 4) & ~Offset{7}, 8)) != nullptr;
  };
  if (publishes_ && (find(publish_target_) != nullptr || whole_is_stored(publish_target_))) return false;
  for (std::size_t index = 0; index < count_; ++index)
    if ((targets_[index] & 15) == 4 && whole_is_stored(targets_[index])) return false;
  return true;
}

void Transaction::arm(std::size_t count) {
  layout::Record& record = segment_.record();
  layout::RecordEntry* entries = segment_.record_entries();
  if (broken(Twin::armed_before_entries)) sync::publish(record.armed, layout::armed_mark);
  if (broken(Twin::record_entry_missing) && count > 1) --count;
  for (std::size_t index = 0; index < count; ++index) {
    sync::note(entries[index].target, targets_[index]);
    sync::note(entries[index].value, values_[index]);
  }
  sync::note(record.entry_count, static_cast<std::uint32_t>(count));
  sync::note(record.takeover_generation, sync::glance(segment_.roots().generation) + 1);
  Seam::compiler_fence();                           // X4
  sync::publish(record.armed, layout::armed_mark);  // pairs with the observe in recover
  Seam::compiler_fence();
}

void Transaction::apply(std::size_t count) {
  for (std::size_t index = 0; index < count; ++index) apply_entry(segment_, targets_[index], values_[index]);
}

void Transaction::disarm() {
  Seam::compiler_fence();                                    // X4
  sync::publish(segment_.record().armed, std::uint64_t{0});  // pairs with the observes in recovery.cpp
  Seam::compiler_fence();
}

void Transaction::commit() {
  std::size_t count = count_;
  if (publishes_) {
    require(count < planned_stores_max, "X3: a plan of more stores than its bound");
    require(find(publish_target_) == nullptr, "X3: the published word is stored twice");
    targets_[count] = publish_target_;
    values_[count++] = publish_value_;
  }
  if (count == 0) return;
  if (broken(Twin::relative_store))
    make_count_relative(segment_, std::span(targets_).first(count), values_.data());
  arm(count);
  if (broken(Twin::disarm_before_apply)) disarm();
  apply(count);
  if (broken(Twin::publish_before_fill)) fill_late();
  disarm();
  reset();
}

void Transaction::store_alone(const segment::Segment& segment, Offset offset, std::uint64_t value) {
  // Pairs with the readers' observe of a leaf's value.
  sync::publish(*reinterpret_cast<std::uint64_t*>(segment.at(offset)), value);
}

}  // namespace radish::txn
