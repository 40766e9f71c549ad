// What readers ask. Called under a pin; lock-free, O(length of the key), nothing is written. Whether the root
// is there still (B2) is the caller's to look at afterwards.
//
// Every lookup is one walk from the root. A reference that the walk observes was in the tree at that moment,
// and so was what lies behind it; what is read of a node unlinked meanwhile is what it held when it was.
#pragma once

#include <cstdint>
#include <functional>
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
/// Every stored key that is a prefix of the query, shortest first.
[[nodiscard]] Expected<void> each_prefix(const segment::Segment& segment, const txn::Root& root,
                                         std::string_view query,
                                         const std::function<void(PrefixMatch)>& visit);

}  // namespace radish::radix
