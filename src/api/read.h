// Reads under a pin, of a root that may be dropped meanwhile.
#pragma once

#include "api/error.h"
#include "api/handle.h"

namespace radish::detail {

/// `read_pinned(segment, root)`, an Expected or an Answer, as a Result.
template <class Read>
[[gnu::always_inline]] inline auto read(const std::shared_ptr<Handle>& handle, const RootWords& words,
                                        Read read_pinned)
    -> decltype(to_result(read_pinned(handle->segment(), root_of(words)), handle->path())) {
  const auto pin = sync::Pin::take(*handle);
  if (!pin) [[unlikely]]
    return std::unexpected(to_error(pin.error(), handle->path()));
  const txn::Root root = root_of(words);
  auto found = read_pinned(handle->segment(), root);
  if (const auto there = root.check(handle->segment()); !there) [[unlikely]]  // B2
    return std::unexpected(to_error(there.error(), handle->path()));
  return to_result(std::move(found), handle->path());
}

/// How many keys a root has.
[[nodiscard]] inline Result<std::uint64_t> count(const std::shared_ptr<Handle>& handle,
                                                 const RootWords& words) {
  const txn::Root root = root_of(words);
  const std::uint64_t keys = root.key_count(handle->segment());
  if (const auto there = root.check(handle->segment()); !there)
    return std::unexpected(to_error(there.error(), handle->path()));
  return keys;
}

}  // namespace radish::detail
