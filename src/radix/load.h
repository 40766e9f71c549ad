// A tree made as a whole, out of keys in order, and put where another one was.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sync/attachment.h"
#include "txn/root.h"

namespace radish::radix {

/// Of each key its value, the keys ascending. They become all that the tree has, by one transaction; what it
/// had is condemned. `invalid_argument` unless they ascend, `too_long`, `dropped`, `corrupt`, what keeps the
/// caller from becoming the writer; `full`, `no_space` or `pinned` if there is no room for them beside what
/// is there; `timed_out` if what was condemned before takes longer to give back than the caller waits for the
/// lock. O(bytes of the keys), and the caller is the writer for as long as it takes.
[[nodiscard]] Expected<void> replace_all(sync::Attachment& attachment, const txn::Root& root,
                                         std::span<const std::string_view> keys,
                                         std::span<const std::uint64_t> values);

}  // namespace radish::radix
