// Mutations of the tree: one plan, one transaction, one writer at a time.
//
// Invariants
//   W1  A mutation is one transaction, or one store of a value that is a transaction by itself.
//   W2  Housekeeping (dismantling, reclaiming) is transactions of its own, before or after it: none of them
//       changes what readers find.
//   W3  A mutation that finds no room makes room and plans anew, until nothing is left that could be given
//       back. Then `pinned`, if a living reader holds some back, else `full` or `no_space`.
//   W4  Overwriting takes no block, and erasing none that it cannot do without: they never want room.
//   W5  Making room ends: a block is taken out of a condemned node once, freed once from retirement, and a
//   node
//       leaves its list once, so there are no more turns than three times the blocks that fit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sync/attachment.h"

namespace radish::radix {

/// What a conditional store found.
struct Found {
  bool stored = false;
  std::optional<std::uint64_t> before{};  ///< nullopt if the key was absent
};

/// Any of them may fail with what keeps it from becoming the writer: `timed_out`, `frozen`, `read_only`,
/// `view_held`, `reentrant`, `corrupt`. Those that may make a key: `too_long`, `full`, `no_space`, `pinned`.
[[nodiscard]] Expected<Found> insert(sync::Attachment& attachment, std::string_view key, std::uint64_t value);
[[nodiscard]] Expected<Found> insert_new(sync::Attachment& attachment, std::string_view key,
                                         std::uint64_t value);
[[nodiscard]] Expected<Found> compare_exchange(sync::Attachment& attachment, std::string_view key,
                                               std::uint64_t expected, std::uint64_t desired);
[[nodiscard]] Expected<Found> fetch_add(sync::Attachment& attachment, std::string_view key,
                                        std::uint64_t delta);
/// How many keys were erased.
[[nodiscard]] Expected<std::uint64_t> erase(sync::Attachment& attachment, std::string_view key);
[[nodiscard]] Expected<std::uint64_t> erase_prefix(sync::Attachment& attachment, std::string_view prefix);
[[nodiscard]] Expected<void> clear(sync::Attachment& attachment);

}  // namespace radish::radix
