// What cursors of all trees have in common: they rest between two entries, hold nothing between calls, and
// fetch entries in batches.
#pragma once

#include <algorithm>
#include <utility>

#include "api/error.h"
#include "api/handle.h"
#include "sync/words.h"
#include "txn/bound.h"

namespace radish::detail {

/// Where a cursor rests: at `rest_`, or, once it has gone through entries of its batch, beyond the last of
/// those in the batch's direction. A Walk says what is walked: it has the types Bound, Batch and Entry, and
///     scan(segment, root, direction, from, entries_max, batch)    an Expected
///     entry(batch, index), key(batch, index)
///     keys_max(segment)                                           no heap holds more keys
template <class Walk>
class RestingCursor {
 public:
  using Bound = typename Walk::Bound;
  using Entry = typename Walk::Entry;
  using Direction = txn::Direction;

  RestingCursor(std::shared_ptr<Handle> handle, const txn::Root& root, Walk walk, sync::Identity identity)
      : handle_(std::move(handle)), root_(root), walk_(std::move(walk)), identity_(identity) {
    begin_course();
  }

  void move_to(Bound rest) {
    drop_batch();
    rest_ = std::move(rest);
    begin_course();
  }

  [[nodiscard]] Result<std::optional<Entry>> next() { return step(Direction::forward); }
  [[nodiscard]] Result<std::optional<Entry>> previous() { return step(Direction::backward); }

 private:
  static constexpr std::size_t batch_entries_min = 8;
  static constexpr std::size_t batch_entries_max = 256;
  /// A store makes a key visible, with those that share its bucket at most.
  static constexpr std::uint64_t keys_per_store_max = 64;

  /// The entry is put together where the caller gets it: a copy of it as a whole would wait for its pieces.
  [[nodiscard]] Result<std::optional<Entry>> step(Direction direction) {
    if (const auto ready = make_ready(direction); !ready) [[unlikely]]
      return std::unexpected(to_error(ready.error(), handle_->path()));
    if (passed_ == batch_.size()) return std::nullopt;
    return walk_.entry(batch_, passed_++);
  }
  /// Entries of the batch are what comes next; none: the end.
  [[nodiscard]] Expected<void> make_ready(Direction direction) {
    const auto identity = sync::own_identity();
    if (!identity) return std::unexpected(identity.error());
    if (*identity != identity_) return fault(Code::forked, "a cursor does not outlive a fork in the child");
    if (!whole_ || direction != direction_ || is_stale() || passed_ == batch_.size()) return fetch(direction);
    return {};
  }

  /// What is read may have changed since: by this handle, or so that memory is about to be given back.
  [[nodiscard]] bool is_stale() const {
    return writes_ != handle_->writes() || epoch_ != sync::observe(handle_->segment().roots().epoch);
  }

  /// The place where the cursor rests becomes `rest_`; nothing of the batch is left.
  void drop_batch() {
    if (passed_ != 0) {
      rest_.side = direction_ == Direction::forward ? Bound::Side::behind : Bound::Side::before;
      rest_.key = walk_.key(batch_, passed_ - 1);
    }
    met_ += passed_;
    batch_.clear();
    passed_ = 0;
  }

  /// A walk in one direction starts here.
  void begin_course() {
    met_ = 0;
    releases_ = 0;
    keys_max_ = 0;
    wake_sequence_ = sync::observe(handle_->segment().lease().wake_sequence);
  }
  /// Keys ascend (or descend), so there are no more of them than the heap held at first (it may be trimmed
  /// since), and than have been put in meanwhile: by each release of the writer word, which bumps the wake
  /// sequence, those of a batch at most. Shared subtrees of a hostile file would go on for ever.
  Expected<void> check_course() {
    const std::uint32_t sequence = sync::observe(handle_->segment().lease().wake_sequence);
    releases_ += sequence - std::exchange(wake_sequence_, sequence);
    const segment::Segment& segment = handle_->segment();
    keys_max_ = std::max(keys_max_, walk_.keys_max(segment));
    const std::uint64_t added_max = releases_ * segment.geometry().record_entries * keys_per_store_max;
    if (met_ > keys_max_ + added_max) return corrupt("a scan of more keys than the heap can hold", keys_max_);
    return {};
  }

  /// Batches grow while a walk goes on in one direction.
  Expected<void> fetch(Direction direction) {
    const bool goes_on = direction == direction_ && passed_ != 0 && passed_ == batch_.size();
    entries_wanted_ = goes_on ? std::min(entries_wanted_ * 2, batch_entries_max) : batch_entries_min;
    drop_batch();
    if (direction != direction_) begin_course();
    direction_ = direction;
    RADISH_TRY(check_course());
    whole_ = false;
    const auto pin = sync::Pin::take(*handle_);
    if (!pin) return std::unexpected(pin.error());
    writes_ = handle_->writes();
    epoch_ = sync::observe(handle_->segment().roots().epoch);
    const auto scanned = walk_.scan(handle_->segment(), root_, direction, rest_, entries_wanted_, batch_);
    RADISH_TRY(
        root_.check(handle_->segment()));  // B2: else it was another root's node, of another kind perhaps
    RADISH_TRY(scanned);
    whole_ = true;
    return {};
  }

  std::shared_ptr<Handle> handle_;
  txn::Root root_;
  Walk walk_;
  sync::Identity identity_;
  Bound rest_{};
  Direction direction_ = Direction::forward;
  typename Walk::Batch batch_;
  bool whole_ = false;      ///< the batch is what a scan that succeeded left
  std::size_t passed_ = 0;  ///< entries of the batch that the cursor has gone past
  std::size_t entries_wanted_ = batch_entries_min;
  std::uint64_t writes_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t met_ = 0;       ///< keys gone past in this direction
  std::uint64_t keys_max_ = 0;  ///< that the heap can have held since
  std::uint64_t releases_ = 0;  ///< of the writer word, meanwhile
  std::uint32_t wake_sequence_ = 0;
};

}  // namespace radish::detail
