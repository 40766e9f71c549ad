// The proof that an integer map at rest is what it must be, for a caller under a stable view.
#pragma once

#include <vector>

#include "heap/census.h"
#include "integer/node.h"
#include "txn/root.h"

namespace radish::integer {

/// Walks all that is reachable: levels, prefixes, counts (G1 to G4). `corrupt` names what is wrong and where.
/// The census counts each block once, so that every walk ends, whatever the bytes.
class Verifier {
 public:
  Verifier(const segment::Segment& segment, heap::Census& census)
      : segment_(segment), extent_(segment), census_(census) {}

  /// A whole map. O(its size).
  [[nodiscard]] Expected<void> map(const txn::Root& root, unsigned depth);
  /// A condemned inner node, which may be partly given back already; what is below it is as it was cut off.
  [[nodiscard]] Expected<void> condemned(Reference node);

 private:
  /// A reference on its way to be checked.
  struct Pending {
    Reference reference;
    Level limit;            ///< the node's level is below it
    std::uint64_t leading;  ///< the digits from there up
  };

  Expected<void> drain();
  void push_children(const Node& node);
  [[nodiscard]] Expected<void> check(const Node& node, const Pending& pending);

  const segment::Segment& segment_;
  txn::Extent extent_;
  heap::Census& census_;
  std::vector<Pending> stack_;
  std::uint64_t keys_ = 0;
};

}  // namespace radish::integer
