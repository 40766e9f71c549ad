#include "api/resting_cursor.h"
#include "radix/node.h"
#include "radix/scan.h"

namespace radish {
namespace detail {

/// The keys of a byte-string tree that start with a prefix.
struct TreeWalk {
  using Bound = radix::Bound;
  using Batch = radix::Batch;
  using Entry = radish::Entry;

  std::string prefix;

  [[nodiscard]] Expected<void> scan(const segment::Segment& segment, const txn::Root& root,
                                    txn::Direction direction, const Bound& from, std::size_t entries_max,
                                    Batch& batch) const {
    return radix::scan(segment, root, direction, from, prefix, entries_max, batch);
  }
  [[nodiscard]] static Entry entry(const Batch& batch, std::size_t index) {
    return {batch.key(index), batch.value(index)};
  }
  [[nodiscard]] static std::string_view key(const Batch& batch, std::size_t index) {
    return batch.key(index);
  }
  [[nodiscard]] static std::uint64_t keys_max(const segment::Segment& segment) {
    return radix::Memory(segment).keys_max();
  }
};

}  // namespace detail

class Cursor::State : public detail::RestingCursor<detail::TreeWalk> {
 public:
  using RestingCursor::RestingCursor;
};

Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

void Cursor::seek(std::string_view bound) {
  state_->move_to({.side = radix::Bound::Side::before, .key = std::string(bound)});
}

void Cursor::seek_end() { state_->move_to({.side = radix::Bound::Side::end}); }

Result<std::optional<Entry>> Cursor::next() { return state_->next(); }

Result<std::optional<Entry>> Cursor::previous() { return state_->previous(); }

Result<Cursor> Tree::cursor(std::string_view prefix) const {
  const auto identity = sync::own_identity();
  if (!identity) return std::unexpected(detail::to_error(identity.error(), handle_->path()));
  return Cursor(std::make_unique<Cursor::State>(handle_, detail::root_of(root_),
                                                detail::TreeWalk{std::string(prefix)}, *identity));
}

}  // namespace radish
