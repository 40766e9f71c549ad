// What readers ask. Called under a pin; lock-free, O(length of the key), nothing is written. Whether the root
// is there still (B2) is the caller's to look at afterwards.
//
// Every lookup is one walk from the root. A reference that the walk observes was in the tree at that moment,
// and so was what lies behind it; what is read of a node unlinked meanwhile is what it held when it was.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "txn/answer.h"
#include "txn/root.h"

namespace radish::radix {

/// A stored key that is a prefix of the query.
struct PrefixMatch {
  std::uint64_t value;
  std::size_t bytes;
};

[[nodiscard]] txn::Answer<std::uint64_t> find(const segment::Segment& segment, const txn::Root& root,
                                              std::string_view key);
[[nodiscard]] txn::Answer<PrefixMatch> longest_prefix(const segment::Segment& segment, const txn::Root& root,
                                                      std::string_view query);
/// Up to `lookups_at_once_max` of them, each as of its own moment: what one waits for from memory, the others
/// do not wait for.
inline constexpr std::size_t lookups_at_once_max = 32;
void find_at_once(const segment::Segment& segment, const txn::Root& root,
                  std::span<const std::string_view> keys, std::span<txn::Answer<std::uint64_t>> answers);
void longest_prefix_at_once(const segment::Segment& segment, const txn::Root& root,
                            std::span<const std::string_view> queries,
                            std::span<txn::Answer<PrefixMatch>> answers);
/// Every stored key that is a prefix of the query, shortest first.
[[nodiscard]] Expected<void> each_prefix(const segment::Segment& segment, const txn::Root& root,
                                         std::string_view query,
                                         const std::function<void(PrefixMatch)>& visit);

}  // namespace radish::radix
