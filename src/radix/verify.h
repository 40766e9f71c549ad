// The proof that a tree at rest is what it must be, for a caller under a stable view.
#pragma once

#include <vector>

#include "heap/census.h"
#include "radix/node.h"
#include "txn/root.h"

namespace radish::radix {

/// Walks all that is reachable: nodes, keys, order, counts (N1 to N5, K1 to K4, E1). `corrupt` names what is
/// wrong and where. The census counts each block once, so that every walk ends, whatever the bytes.
class Verifier {
 public:
  Verifier(const segment::Segment& segment, heap::Census& census)
      : segment_(segment), memory_(segment), census_(census) {}

  /// A whole tree. O(its size).
  [[nodiscard]] Expected<void> tree(const txn::Root& root);
  /// A condemned node, which may be partly given back already; what is below it is as it was cut off, or as
  /// far as a load had come that did not end.
  [[nodiscard]] Expected<void> condemned(Reference node);

 private:
  /// A reference on its way to be checked, and the bytes of key that lead to it.
  struct Pending {
    Reference reference;
    std::size_t depth;
    bool terminal = false;
    /// The first bytes that what is there may begin with (N4); any, and none at all, at the top.
    bool top = false;
    unsigned first_byte = 0;
    unsigned last_byte = 255;
  };

  Expected<void> subtree(Reference top);
  Expected<void> drain();
  void push_entries(const Inner& node, std::size_t depth);
  [[nodiscard]] Expected<void> leaf(const Leaf& leaf, const Pending& pending);
  [[nodiscard]] Expected<void> bucket(const Bucket& bucket, const Pending& pending);
  [[nodiscard]] Expected<void> entries(const Bucket& bucket, BucketState state, const Pending& pending);
  [[nodiscard]] Expected<void> inner(const Inner& node, const Pending& pending);
  [[nodiscard]] Expected<void> shape(const Inner& node) const;
  [[nodiscard]] Expected<void> whole(const Inner& node) const;

  const segment::Segment& segment_;
  Memory memory_;
  heap::Census& census_;
  std::vector<Pending> stack_;
  std::uint64_t keys_ = 0;
  bool is_cut_off_ = false;  ///< what is being walked: no reader reaches it
};

}  // namespace radish::radix
