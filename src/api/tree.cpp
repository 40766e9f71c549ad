#include "radish/tree.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "api/error.h"
#include "api/handle.h"
#include "api/seal.h"
#include "heap/census.h"
#include "radix/lookup.h"
#include "radix/mutation.h"
#include "radix/verify.h"
#include "sync/words.h"
#include "txn/recovery.h"

namespace radish {
namespace {

using detail::Handle;
using detail::to_error;
using detail::to_result;

/// A read under a pin.
template <class Read>
auto read(const std::shared_ptr<Handle>& handle, Read read_pinned) {
  using Answer = decltype(read_pinned(handle->segment()));
  const auto answer = [&]() -> Answer {
    const auto pin = sync::Pin::take(*handle);
    if (!pin) [[unlikely]]
      return std::unexpected(pin.error());
    return read_pinned(handle->segment());
  }();
  return to_result(answer, handle->path());
}

Expected<void> unlink_path(const segment::Segment& segment) {
  if (segment.path().empty()) return fault(Code::invalid_argument, "the segment has no path");
  struct stat named{}, mapped{};
  if (lstat(segment.path().c_str(), &named) != 0)
    return fault(errno == ENOENT ? Code::not_found : Code::io, "cannot find the file to unlink",
                 static_cast<std::uint64_t>(errno));
  if (fstat(segment.descriptor(), &mapped) != 0)
    return fault(Code::io, "cannot examine the file", static_cast<std::uint64_t>(errno));
  if (named.st_dev != mapped.st_dev || named.st_ino != mapped.st_ino)
    return fault(Code::not_found, "another file has the path by now");
  if (::unlink(segment.path().c_str()) != 0)
    return fault(Code::io, "cannot unlink the file", static_cast<std::uint64_t>(errno));
  return {};
}

}  // namespace

// --- views ---------------------------------------------------------------------------------------------

View::View(View&&) noexcept = default;
View& View::operator=(View&& other) noexcept {
  View gone(std::move(*this));
  handle_ = std::move(other.handle_);
  return *this;
}
View::~View() {
  if (handle_) txn::leave_view(*handle_);
}

// --- the tree ------------------------------------------------------------------------------------------

Tree::Tree(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}

Result<bool> Tree::insert(std::string_view key, std::uint64_t value) {
  const auto found = radix::insert(*handle_, key, value);
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return !found->before.has_value();
}

Result<bool> Tree::insert_new(std::string_view key, std::uint64_t value) {
  const auto found = radix::insert_new(*handle_, key, value);
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return found->stored;
}

Result<Exchange> Tree::compare_exchange(std::string_view key, std::uint64_t expected, std::uint64_t desired) {
  const auto found = radix::compare_exchange(*handle_, key, expected, desired);
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return Exchange{found->stored, found->before};
}

Result<std::optional<std::uint64_t>> Tree::fetch_add(std::string_view key, std::uint64_t delta) {
  const auto found = radix::fetch_add(*handle_, key, delta);
  if (!found) return std::unexpected(to_error(found.error(), path()));
  return found->before;
}

Result<bool> Tree::erase(std::string_view key) {
  const auto erased = radix::erase(*handle_, key);
  if (!erased) return std::unexpected(to_error(erased.error(), path()));
  return *erased != 0;
}

Result<std::uint64_t> Tree::erase_prefix(std::string_view prefix) {
  return to_result(radix::erase_prefix(*handle_, prefix), path());
}

Result<void> Tree::clear() { return to_result(radix::clear(*handle_), path()); }

Result<std::optional<std::uint64_t>> Tree::find(std::string_view key) const {
  return read(handle_, [&](const segment::Segment& segment) { return radix::find(segment, key); });
}

Result<bool> Tree::contains(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::unexpected(found.error());
  return found->has_value();
}

Result<std::optional<Match>> Tree::longest_prefix(std::string_view query) const {
  const auto found =
      read(handle_, [&](const segment::Segment& segment) { return radix::longest_prefix(segment, query); });
  if (!found) return std::unexpected(found.error());
  return found->transform([](const radix::PrefixMatch& match) { return Match{match.value, match.bytes}; });
}

Result<std::vector<Match>> Tree::prefixes(std::string_view query) const {
  std::vector<Match> matches;
  const auto walked = read(handle_, [&](const segment::Segment& segment) {
    return radix::each_prefix(
        segment, query, [&](radix::PrefixMatch match) { matches.push_back({match.value, match.bytes}); });
  });
  if (!walked) return std::unexpected(walked.error());
  return matches;
}

Result<std::uint64_t> Tree::count() const { return sync::observe(handle_->segment().roots().key_count); }

Result<View> Tree::view() const {
  const auto entered = txn::enter_view(*handle_);
  if (!entered) return std::unexpected(to_error(entered.error(), path()));
  View view;
  view.handle_ = handle_;
  return view;
}

Result<void> Tree::verify() const {
  const auto unchanging = view();
  if (!unchanging) return std::unexpected(unchanging.error());
  const segment::Segment& segment = handle_->segment();
  if (auto zero = segment::check_reserved(segment); !zero)
    return std::unexpected(to_error(zero.error(), path()));
  if (auto whole = radix::verify(segment); !whole) return std::unexpected(to_error(whole.error(), path()));
  return frozen() ? to_result(detail::verify_content(segment), path()) : Result<void>{};
}

Result<Stats> Tree::stats() const {
  const segment::Segment& segment = handle_->segment();
  const layout::Roots& roots = segment.roots();
  const heap::Figures heap = heap::count_figures(segment);
  return Stats{.keys = sync::observe(roots.key_count),
               .blocks = heap.blocks,
               .blocks_retired = heap.blocks_retired,
               .heap_bytes_used = heap.pages_used * layout::page_bytes,
               .heap_bytes_free = heap.pages_free * layout::page_bytes,
               .capacity_bytes = segment.geometry().capacity_bytes,
               .backed_bytes = sync::observe(roots.backed) * layout::page_bytes,
               .epoch = sync::observe(roots.epoch),
               .generation = generation(),
               .reader_slots = segment.geometry().reader_slots,
               .reader_slots_used = sync::count_slots(segment),
               .reads = handle_->reads(),
               .writes = handle_->writes(),
               .frozen = frozen(),
               .read_only = read_only()};
}

Result<void> Tree::freeze() { return to_result(detail::seal(*handle_), path()); }

Result<void> Tree::sync() const { return to_result(handle_->segment().sync(), path()); }

Result<void> Tree::unlink() const { return to_result(unlink_path(handle_->segment()), path()); }

Outcome Tree::outcome() const { return handle_->outcome(); }

std::uint64_t Tree::generation() const { return sync::observe(handle_->segment().roots().generation); }

bool Tree::frozen() const { return sync::observe(handle_->segment().superblock().sealed) != 0; }

bool Tree::read_only() const { return handle_->segment().read_only(); }

int Tree::descriptor() const { return handle_->segment().descriptor(); }

const std::string& Tree::path() const { return handle_->path(); }

}  // namespace radish
