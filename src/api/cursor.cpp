#include <algorithm>
#include <utility>

#include "api/error.h"
#include "api/handle.h"
#include "radix/node.h"
#include "radix/scan.h"
#include "sync/words.h"

namespace radish {
namespace {

using radix::Bound;
using radix::Direction;

constexpr std::size_t batch_entries_min = 8;
constexpr std::size_t batch_entries_max = 256;

}  // namespace

/// Where a cursor rests: at `rest_`, or, once it has gone through entries of its batch, beyond the last of
/// those in the batch's direction.
class Cursor::State {
 public:
  State(std::shared_ptr<detail::Handle> handle, std::string_view prefix, sync::Identity identity)
      : handle_(std::move(handle)), prefix_(prefix), identity_(identity) {
    begin_course();
  }

  [[nodiscard]] const std::string& path() const { return handle_->path(); }

  void move_to(Bound rest) {
    drop_batch();
    rest_ = std::move(rest);
    begin_course();
  }

  [[nodiscard]] Expected<std::optional<Entry>> step(Direction direction) {
    const auto identity = sync::own_identity();
    if (!identity) return std::unexpected(identity.error());
    if (*identity != identity_) return fault(Code::forked, "a cursor does not outlive a fork in the child");
    if (!whole_ || direction != direction_ || is_stale() || passed_ == batch_.size())
      RADISH_TRY(fetch(direction));
    if (passed_ == batch_.size()) return std::nullopt;
    const std::size_t index = passed_++;
    return Entry{batch_.key(index), batch_.value(index)};
  }

 private:
  /// What is read may have changed since: by this handle, or so that memory is about to be given back.
  [[nodiscard]] bool is_stale() const {
    return writes_ != handle_->writes() || epoch_ != sync::observe(handle_->segment().roots().epoch);
  }

  /// The place where the cursor rests becomes `rest_`; nothing of the batch is left.
  void drop_batch() {
    if (passed_ != 0) {
      rest_.side = direction_ == Direction::forward ? Bound::Side::behind : Bound::Side::before;
      rest_.key = batch_.key(passed_ - 1);
    }
    met_ += passed_;
    batch_.clear();
    passed_ = 0;
  }

  /// A walk in one direction starts here.
  void begin_course() {
    met_ = 0;
    releases_ = 0;
    wake_sequence_ = sync::observe(handle_->segment().lease().wake_sequence);
  }
  /// Keys ascend (or descend), so there are no more of them than the heap holds, and than have been put in
  /// meanwhile: one by each mutation at most, each of which bumps the wake sequence. Shared subtrees of a
  /// hostile file would go on for ever.
  Expected<void> check_course() {
    const std::uint32_t sequence = sync::observe(handle_->segment().lease().wake_sequence);
    releases_ += sequence - std::exchange(wake_sequence_, sequence);
    const std::uint64_t keys_max = radix::Memory(handle_->segment()).blocks_max();
    if (met_ > keys_max + releases_) return corrupt("a scan of more keys than the heap can hold", keys_max);
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
    RADISH_TRY(radix::scan(handle_->segment(), direction, rest_, prefix_, entries_wanted_, batch_));
    whole_ = true;
    return {};
  }

  std::shared_ptr<detail::Handle> handle_;
  std::string prefix_;
  sync::Identity identity_;
  Bound rest_{};
  Direction direction_ = Direction::forward;
  radix::Batch batch_;
  bool whole_ = false;      ///< the batch is what a scan that succeeded left
  std::size_t passed_ = 0;  ///< entries of the batch that the cursor has gone past
  std::size_t entries_wanted_ = batch_entries_min;
  std::uint64_t writes_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t met_ = 0;       ///< keys gone past in this direction
  std::uint64_t releases_ = 0;  ///< of the writer word, meanwhile
  std::uint32_t wake_sequence_ = 0;
};

Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

void Cursor::seek(std::string_view bound) {
  state_->move_to({.side = Bound::Side::before, .key = std::string(bound)});
}

void Cursor::seek_end() { state_->move_to({.side = Bound::Side::end}); }

Result<std::optional<Entry>> Cursor::next() {
  return detail::to_result(state_->step(Direction::forward), state_->path());
}

Result<std::optional<Entry>> Cursor::previous() {
  return detail::to_result(state_->step(Direction::backward), state_->path());
}

Result<Cursor> Tree::cursor(std::string_view prefix) const {
  const auto identity = sync::own_identity();
  if (!identity) return std::unexpected(detail::to_error(identity.error(), handle_->path()));
  return Cursor(std::make_unique<Cursor::State>(handle_, prefix, *identity));
}

}  // namespace radish
