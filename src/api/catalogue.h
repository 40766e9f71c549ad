// The named roots of a segment: found by readers, made and dropped as mutations (B1, B2 of txn/root.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/attachment.h"
#include "txn/root.h"

namespace radish::detail {

/// As it was at one moment.
struct NamedRoot {
  std::uint32_t index;
  std::uint64_t incarnation;
  layout::RootKind kind;
  std::uint32_t depth;
  std::string name;

  [[nodiscard]] txn::Root root(const segment::Segment& segment) const {
    return txn::Root::named(segment, index, incarnation);
  }
};

/// Lock-free; each root as it was at some moment of the call. `corrupt` names the entry. O(64).
[[nodiscard]] Expected<std::vector<NamedRoot>> read_catalogue(const segment::Segment& segment);
/// The same for one name; nullopt if there is no such root.
[[nodiscard]] Expected<std::optional<NamedRoot>> find_root(const segment::Segment& segment,
                                                           std::string_view name);

struct MadeRoot {
  NamedRoot root;
  bool made;  ///< it was not there before
};
/// The root of that name, of whatever kind, or a new one of this kind. `invalid_argument`, `too_many_roots`,
/// or what keeps the caller from becoming the writer.
[[nodiscard]] Expected<MadeRoot> make_root(sync::Attachment& attachment, std::string_view name,
                                           layout::RootKind kind, std::uint32_t depth);
/// Drops it with all that hangs on it, at once; false if there is none. Never needs room.
[[nodiscard]] Expected<bool> drop_root(sync::Attachment& attachment, std::string_view name);

/// Under a stable view: `corrupt` unless free entries are zero and each name is there once.
[[nodiscard]] Expected<void> verify_catalogue(const segment::Segment& segment);

}  // namespace radish::detail
