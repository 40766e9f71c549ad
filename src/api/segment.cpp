#include "radish/segment.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/catalogue.h"
#include "api/error.h"
#include "api/handle.h"
#include "api/seal.h"
#include "api/verify.h"
#include "heap/trim.h"
#include "radish/integer_map.hpp"
#include "sync/words.h"
#include "txn/recovery.h"

namespace radish {
namespace {

using detail::to_error;
using detail::to_result;

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

/// A named root as it was asked for, and made if it may be.
Expected<detail::NamedRoot> open_root(detail::Handle& handle, std::string_view name,
                                      const RootOptions& options, layout::RootKind kind,
                                      std::uint32_t depth) {
  if (options.exclusive && options.must_exist)
    return fault(Code::invalid_argument, "exclusive and must_exist exclude each other");
  const auto found = detail::find_root(handle.segment(), name);
  if (!found) return std::unexpected(found.error());
  const std::optional<detail::NamedRoot>& there = *found;
  if (!there && options.must_exist) return fault(Code::not_found, "there is no root of that name");
  Expected<detail::MadeRoot> root =
      there ? detail::MadeRoot{*there, false} : detail::make_root(handle, name, kind, depth);
  if (!root) return std::unexpected(root.error());
  if (options.exclusive && !root->made) return fault(Code::exists, "there is a root of that name");
  if (root->root.kind != kind) return fault(Code::wrong_kind, "the root of that name is of another kind");
  return std::move(root->root);
}

Expected<detail::NamedRoot> open_map(detail::Handle& handle, std::string_view name,
                                     const RootOptions& options) {
  if (options.depth > layout::integer_depth_max)
    return fault(Code::invalid_argument, "an integer map has a depth of 1 to 16", options.depth);
  const unsigned depth = options.depth == 0 ? layout::integer_depth_max : options.depth;
  auto root = open_root(handle, name, options, layout::RootKind::integer_map, depth);
  if (root && options.depth != 0 && root->depth != options.depth)
    return fault(Code::wrong_kind, "the integer map of that name has another depth", root->depth);
  return root;
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

// --- pins ----------------------------------------------------------------------------------------------

Pin::Pin(Pin&&) noexcept = default;
Pin& Pin::operator=(Pin&& other) noexcept {
  Pin gone(std::move(*this));
  handle_ = std::move(other.handle_);
  ticket_ = other.ticket_;
  return *this;
}
Pin::~Pin() {
  if (handle_) sync::Pin::leave(*handle_, ticket_);
}

// --- roots ---------------------------------------------------------------------------------------------

Tree Segment::tree() const { return {handle_, detail::words_of(txn::Root::unnamed(handle_->segment()))}; }

Result<Tree> Segment::tree(std::string_view name, const RootOptions& options) {
  const auto root = open_root(*handle_, name, options, layout::RootKind::tree, 0);
  if (!root) return std::unexpected(to_error(root.error(), path()));
  return Tree(handle_, detail::words_of(root->root(handle_->segment())));
}

Result<IntegerMap> Segment::integer_map(std::string_view name, const RootOptions& options) {
  const auto root = open_map(*handle_, name, options);
  if (!root) return std::unexpected(to_error(root.error(), path()));
  return IntegerMap(handle_, detail::words_of(root->root(handle_->segment())), root->depth);
}

Result<bool> Segment::drop(std::string_view name) {
  return to_result(detail::drop_root(*handle_, name), path());
}

Result<std::vector<RootInfo>> Segment::roots() const {
  const segment::Segment& segment = handle_->segment();
  const auto named = detail::read_catalogue(segment);
  if (!named) return std::unexpected(to_error(named.error(), path()));
  std::vector<RootInfo> roots;
  for (const detail::NamedRoot& root : *named) {
    const std::uint64_t keys = root.root(segment).key_count(segment);
    if (!root.root(segment).check(segment)) continue;  // B2: dropped meanwhile
    roots.push_back({root.name, static_cast<RootKind>(root.kind), root.depth, keys});
  }
  std::ranges::sort(roots, {}, &RootInfo::name);
  return roots;
}

// --- the whole -----------------------------------------------------------------------------------------

Result<View> Segment::view() const {
  const auto entered = txn::enter_view(*handle_);
  if (!entered) return std::unexpected(to_error(entered.error(), path()));
  View view;
  view.handle_ = handle_;
  return view;
}

Result<Pin> Segment::pin() const {
  const auto ticket = sync::Pin::enter(*handle_);
  if (!ticket) return std::unexpected(to_error(ticket.error(), path()));
  Pin pin;
  pin.handle_ = handle_;
  pin.ticket_ = *ticket;
  return pin;
}

Result<void> Segment::verify() const {
  const auto unchanging = view();
  if (!unchanging) return std::unexpected(unchanging.error());
  const segment::Segment& segment = handle_->segment();
  if (auto zero = segment::check_reserved(segment); !zero)
    return std::unexpected(to_error(zero.error(), path()));
  if (auto whole = detail::verify(segment); !whole) return std::unexpected(to_error(whole.error(), path()));
  return frozen() ? to_result(detail::verify_content(segment), path()) : Result<void>{};
}

Result<void> Segment::freeze() { return to_result(detail::seal(*handle_), path()); }

Result<std::uint64_t> Segment::trim() { return to_result(heap::trim(*handle_), path()); }

Result<void> Segment::sync() const { return to_result(handle_->segment().sync(), path()); }

Result<void> Segment::unlink() const { return to_result(unlink_path(handle_->segment()), path()); }

Outcome Segment::outcome() const { return handle_->outcome(); }

std::uint64_t Segment::generation() const { return sync::observe(handle_->segment().roots().generation); }

bool Segment::frozen() const { return sync::observe(handle_->segment().superblock().sealed) != 0; }

bool Segment::read_only() const { return handle_->segment().read_only(); }

int Segment::descriptor() const { return handle_->segment().descriptor(); }

const std::string& Segment::path() const { return handle_->path(); }

}  // namespace radish
