// The ways to come by a segment.
#include "api/open.h"

#include "api/error.h"
#include "api/verify.h"
#include "radish/segment.hpp"
#include "txn/recovery.h"

namespace radish {
namespace {

using detail::Handle;
using detail::open_handle;
using segment::Opening;
using segment::OpenRequest;

Expected<OpenRequest> request_of(const OpenOptions& options) {
  if (options.lock_timeout.count() < 0) return fault(Code::invalid_argument, "the lock timeout is negative");
  const auto identity = sync::own_identity();
  if (!identity) return std::unexpected(identity.error());
  const auto origin = sync::own_origin();
  if (!origin) return std::unexpected(origin.error());
  return OpenRequest{.capacity_bytes = options.capacity_bytes,
                     .reader_slots = options.reader_slots,
                     .record_entries = options.record_entries,
                     .mode = options.mode,
                     .exclusive = options.exclusive,
                     .must_exist = options.must_exist,
                     .identity = *identity,
                     .origin = *origin,
                     .first_look = detail::check_unattended};
}

/// Nobody else is attached. A healed segment may come from another boot, whose last pages may be missing.
Expected<Outcome> settle(Opening& opening, const OpenRequest& request) {
  if (opening.created()) return Outcome::created;
  const segment::Segment& segment = opening.segment();
  const auto outcome = txn::settle_alone(segment, request.identity, request.origin, detail::verify);
  if (outcome) RADISH_TRY(detail::check_roots(segment));
  return outcome;
}

Expected<std::shared_ptr<Handle>> attach(Opening opening, const OpenRequest& request,
                                         const OpenOptions& options) {
  const bool alone = opening.alone();
  Expected<Outcome> outcome{Outcome::attached};
  if (alone) outcome = settle(opening, request);
  if (!outcome) return std::unexpected(outcome.error());
  auto segment = std::move(opening).finish();
  if (!segment) return std::unexpected(segment.error());
  const auto lock_timeout_ms = static_cast<std::uint64_t>(options.lock_timeout.count());
  auto handle = std::make_shared<Handle>(std::move(*segment), lock_timeout_ms, *outcome);
  handle->set_retired_bytes_max(options.retired_bytes_max);
  if (!alone) {
    outcome = txn::settle_beside(*handle);
    if (!outcome) return std::unexpected(outcome.error());
    handle->set_outcome(*outcome);
    RADISH_TRY(detail::check_roots(handle->segment()));
  }
  // Last: it takes its time, others may wait for what is settled before, and what is refused is not grown.
  if (options.huge_pages) handle->use_huge_pages();
  return handle;
}

Expected<std::shared_ptr<Handle>> open_frozen(const std::string& path) {
  auto segment = segment::open_readonly(path);
  if (!segment) return std::unexpected(segment.error());
  RADISH_TRY(detail::check_roots(*segment));
  return std::make_shared<Handle>(std::move(*segment), 0, Outcome::attached);
}

}  // namespace

Expected<std::shared_ptr<Handle>> detail::open_handle(const OpenOptions& options, const Open& open) {
  const auto request = request_of(options);
  if (!request) return std::unexpected(request.error());
  auto opening = open(*request);
  if (!opening) return std::unexpected(opening.error());
  return attach(std::move(*opening), *request, options);
}

Result<Segment> Segment::from(std::expected<std::shared_ptr<Handle>, Fault> handle, const std::string& path) {
  if (!handle) return std::unexpected(detail::to_error(handle.error(), path));
  return Segment(std::move(*handle));
}

Result<Segment> Segment::open(const std::string& path, const OpenOptions& options) {
  return from(
      open_handle(options, [&](const OpenRequest& request) { return segment::open_path(path, request); }),
      path);
}

Result<Segment> Segment::open_readonly(const std::string& path) { return from(open_frozen(path), path); }

Result<Segment> Segment::create_anonymous(const OpenOptions& options) {
  return create_memfd("radish-anonymous", options);
}

Result<Segment> Segment::create_memfd(const std::string& name, const OpenOptions& options) {
  return from(
      open_handle(options, [&](const OpenRequest& request) { return segment::create_memfd(name, request); }),
      "memfd " + name);
}

Result<Segment> Segment::open_descriptor(int descriptor, const OpenOptions& options) {
  return from(
      open_handle(options,
                  [&](const OpenRequest& request) { return segment::open_descriptor(descriptor, request); }),
      "descriptor " + std::to_string(descriptor));
}

namespace {

Result<Tree> tree_of(const Result<Segment>& segment) {
  if (!segment) return std::unexpected(segment.error());
  return segment->tree();
}

}  // namespace

Result<Tree> Tree::open(const std::string& path, const OpenOptions& options) {
  return tree_of(Segment::open(path, options));
}
Result<Tree> Tree::open_readonly(const std::string& path) { return tree_of(Segment::open_readonly(path)); }
Result<Tree> Tree::create_anonymous(const OpenOptions& options) {
  return tree_of(Segment::create_anonymous(options));
}
Result<Tree> Tree::create_memfd(const std::string& name, const OpenOptions& options) {
  return tree_of(Segment::create_memfd(name, options));
}
Result<Tree> Tree::open_descriptor(int descriptor, const OpenOptions& options) {
  return tree_of(Segment::open_descriptor(descriptor, options));
}

}  // namespace radish
