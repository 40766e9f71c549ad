// Where a tree hangs: the words of the segment that are its own.
//
// Invariants
//   B1  A named root's entry is free, zero throughout, exactly while its incarnation is 0. Incarnations are
//       counted up and never come back, so whoever knows one knows whether the root is the same still.
//   B2  The incarnation is the first word that a drop stores and the last that a creation stores. A reader
//       looks at it after it has looked at the root's node: if it is the one that the reader knows, the node
//       was this root's when it was looked at.
#pragma once

#include "segment/segment.h"
#include "sync/words.h"
#include "txn/transaction.h"

namespace radish::txn {

class Root {
 public:
  /// The root without a name, which is always there.
  [[nodiscard]] static Root unnamed(const segment::Segment& segment) {
    const layout::Offset roots = segment.geometry().roots_offset;
    return {roots + offsetof(layout::Roots, tree), roots + offsetof(layout::Roots, key_count), 0, 0};
  }
  /// That of an entry of the catalogue, in one incarnation.
  [[nodiscard]] static Root named(const segment::Segment& segment, std::uint32_t index,
                                  std::uint64_t incarnation) {
    const layout::Offset entry = segment.entry_offset(index);
    return {entry + offsetof(layout::RootEntry, node), entry + offsetof(layout::RootEntry, key_count),
            entry + offsetof(layout::RootEntry, incarnation), incarnation};
  }

  Root(layout::Offset node_at, layout::Offset key_count_at, layout::Offset incarnation_at,
       std::uint64_t incarnation)
      : node_at_(node_at),
        key_count_at_(key_count_at),
        incarnation_at_(incarnation_at),
        incarnation_(incarnation) {}
  /// Of the word that refers to the topmost node.
  [[nodiscard]] layout::Offset node_at() const { return node_at_; }
  [[nodiscard]] layout::Offset key_count_at() const { return key_count_at_; }
  [[nodiscard]] layout::Offset incarnation_at() const { return incarnation_at_; }
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }

  [[nodiscard]] layout::Reference node(const segment::Segment& segment) const {
    return sync::observe(*reinterpret_cast<const layout::Reference*>(segment.at(node_at_)));
  }
  [[nodiscard]] std::uint64_t key_count(const segment::Segment& segment) const {
    return sync::observe(*reinterpret_cast<const std::uint64_t*>(segment.at(key_count_at_)));
  }
  /// `dropped` once it is not there any more (B2).
  [[nodiscard]] Expected<void> check(const segment::Segment& segment) const {
    if (incarnation_at_ == 0) [[likely]]
      return {};
    if (sync::observe(*reinterpret_cast<const std::uint64_t*>(segment.at(incarnation_at_))) == incarnation_)
      return {};
    return fault(Code::dropped, "the root has been dropped");
  }

 private:
  layout::Offset node_at_;
  layout::Offset key_count_at_;
  layout::Offset incarnation_at_;
  std::uint64_t incarnation_;
};

/// Changes the count of keys. `corrupt` if it would fall below zero.
[[nodiscard]] Expected<void> count_keys(Transaction& tx, const Root& root, std::uint64_t added,
                                        std::uint64_t removed);

}  // namespace radish::txn
