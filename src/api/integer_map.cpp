#include "radish/integer_map.hpp"

#include "api/read.h"
#include "api/resting_cursor.h"
#include "heap/clear.h"
#include "integer/lookup.h"
#include "integer/mutation.h"
#include "txn/extent.h"

namespace radish {
namespace detail {

/// All keys of a map.
struct MapWalk {
  using Bound = integer::Bound;
  using Batch = integer::Batch;
  using Entry = IntegerEntry;

  [[nodiscard]] static Expected<void> scan(const segment::Segment& segment, const txn::Root& root,
                                           txn::Direction direction, const Bound& from,
                                           std::size_t entries_max, Batch& batch) {
    return integer::scan(segment, root, direction, from, entries_max, batch);
  }
  [[nodiscard]] static Entry entry(const Batch& batch, std::size_t index) { return batch[index]; }
  [[nodiscard]] static std::uint64_t key(const Batch& batch, std::size_t index) { return batch[index].key; }
  /// Hostile leaves may lie over one another: of sixteen keys each, one every eight bytes.
  [[nodiscard]] static std::uint64_t keys_max(const segment::Segment& segment) {
    return txn::Extent(segment).blocks_max(layout::reference_unit_bytes) * layout::integer_slots;
  }
};

}  // namespace detail

namespace {

using detail::root_of;
using detail::to_error;
using txn::Edit;

/// What an answer says, if it is one.
template <class T, class Say>
auto say_of(Result<T> answer, Say say) -> Result<decltype(say(*answer))> {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return say(*answer);
}

/// An edit of one key; what is said of what it found.
template <class Say>
auto edit(detail::Handle& handle, const detail::RootWords& root, unsigned depth, std::uint64_t key,
          const Edit& edit, Say say) {
  return say_of(detail::to_result(integer::edit(handle, root_of(root), depth, key, edit), handle.path()),
                say);
}

/// Why a key is refused that has more digits than the depth: a root that has been dropped comes first.
Error refusal(const detail::Handle& handle, const detail::RootWords& words, unsigned depth,
              std::uint64_t key) {
  const auto there = root_of(words).check(handle.segment());
  return to_error(there ? integer::check_key(depth, key).error() : there.error(), handle.path());
}

/// A question about one key.
template <auto ask_pinned>
[[gnu::always_inline]] inline auto ask(const std::shared_ptr<detail::Handle>& handle,
                                       const detail::RootWords& words, unsigned depth, std::uint64_t key) {
  const auto walk = [&](const segment::Segment& segment, const txn::Root& root) {
    return ask_pinned(segment, root, key);
  };
  using Said = decltype(detail::read(handle, words, walk));
  if (key > integer::key_max(depth)) [[unlikely]]
    return Said(std::unexpected(refusal(*handle, words, depth, key)));
  return detail::read(handle, words, walk);
}

}  // namespace

IntegerMap::IntegerMap(std::shared_ptr<detail::Handle> handle, const detail::RootWords& root, unsigned depth)
    : handle_(std::move(handle)), root_(root), depth_(depth) {}

// --- mutations -----------------------------------------------------------------------------------------

Result<bool> IntegerMap::insert(std::uint64_t key, std::uint64_t value) {
  return edit(*handle_, root_, depth_, key, {Edit::Kind::assign, value},
              [](const txn::Found& found) { return !found.before.has_value(); });
}

Result<bool> IntegerMap::insert_new(std::uint64_t key, std::uint64_t value) {
  return edit(*handle_, root_, depth_, key, {Edit::Kind::insert_new, value},
              [](const txn::Found& found) { return found.changed; });
}

Result<Exchange> IntegerMap::compare_exchange(std::uint64_t key, std::uint64_t expected,
                                              std::uint64_t desired) {
  return edit(*handle_, root_, depth_, key, {Edit::Kind::compare_exchange, desired, expected},
              [](const txn::Found& found) { return Exchange{found.changed, found.before}; });
}

Result<std::optional<std::uint64_t>> IntegerMap::fetch_add(std::uint64_t key, std::uint64_t delta) {
  return edit(*handle_, root_, depth_, key, {Edit::Kind::fetch_add, delta},
              [](const txn::Found& found) { return found.before; });
}

Result<bool> IntegerMap::erase(std::uint64_t key) {
  return edit(*handle_, root_, depth_, key, {Edit::Kind::erase},
              [](const txn::Found& found) { return found.changed; });
}

Result<void> IntegerMap::clear() {
  return detail::to_result(heap::clear(*handle_, root_of(root_)), handle_->path());
}

// --- reads ---------------------------------------------------------------------------------------------

Result<std::optional<std::uint64_t>> IntegerMap::find(std::uint64_t key) const {
  return ask<integer::find>(handle_, root_, depth_, key);
}

Result<bool> IntegerMap::contains(std::uint64_t key) const {
  return say_of(find(key), [](const auto& found) { return found.has_value(); });
}

Result<std::optional<IntegerEntry>> IntegerMap::lower_bound(std::uint64_t bound) const {
  return ask<integer::nearest<txn::Direction::forward>>(handle_, root_, depth_, bound);
}

Result<std::optional<IntegerEntry>> IntegerMap::predecessor(std::uint64_t bound) const {
  return ask<integer::nearest<txn::Direction::backward>>(handle_, root_, depth_, bound);
}

Result<std::uint64_t> IntegerMap::count() const { return detail::count(handle_, root_); }

Segment IntegerMap::segment() const { return Segment(handle_); }

// --- cursors -------------------------------------------------------------------------------------------

class IntegerCursor::State : public detail::RestingCursor<detail::MapWalk> {
 public:
  using RestingCursor::RestingCursor;
};

IntegerCursor::IntegerCursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
IntegerCursor::IntegerCursor(IntegerCursor&&) noexcept = default;
IntegerCursor& IntegerCursor::operator=(IntegerCursor&&) noexcept = default;
IntegerCursor::~IntegerCursor() = default;

void IntegerCursor::seek(std::uint64_t bound) {
  state_->move_to({.side = integer::Bound::Side::before, .key = bound});
}

void IntegerCursor::seek_end() { state_->move_to({.side = integer::Bound::Side::end}); }

Result<std::optional<IntegerEntry>> IntegerCursor::next() { return state_->next(); }

Result<std::optional<IntegerEntry>> IntegerCursor::previous() { return state_->previous(); }

Result<IntegerCursor> IntegerMap::cursor() const {
  const auto identity = sync::own_identity();
  if (!identity) return std::unexpected(to_error(identity.error(), handle_->path()));
  return IntegerCursor(
      std::make_unique<IntegerCursor::State>(handle_, root_of(root_), detail::MapWalk{}, *identity));
}

}  // namespace radish
